// Entry of the page: its parts are wired to each other, to the keys and to the server.
import { $, guarded, h, on } from "./dom.js";
import * as api from "./api.js";
import * as S from "./state.js";
import * as audition from "./audition.js";
import * as desk from "./desk.js";
import * as files from "./files.js";
import * as generation from "./generation.js";
import * as history from "./history.js";
import * as microphone from "./microphone.js";
import * as settings from "./settings.js";
import * as take from "./take.js";

const { state, takes, visit } = S;
const THEME = "jasco-studio-theme";

function shortcut(event) {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const command = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  if (command && key === "enter") { event.preventDefault(); generation.make(); return; }
  if (event.key === "Escape" && visit.running) { generation.cancel(); return; }
  if (typing) return;
  if (command && key === "z") { event.preventDefault(); S.undo(!event.shiftKey); }
  else if (command && key === "c" && !getSelection().toString()) desk.copy();
  else if (command && key === "v") S.pasteBars();
  else if (event.key === " " && event.shiftKey) { event.preventDefault(); audition.hear(); }
  else if (event.key === " " && !event.target.closest("button, a, summary")) { event.preventDefault(); take.toggle(); }
  else if (event.key === "Escape" && state.selection) S.change((s) => { s.selection = null; }, { undo: false });
}

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem(THEME, next);
}

async function begin() {
  const chosen = localStorage.getItem(THEME);
  if (chosen) document.documentElement.dataset.theme = chosen;
  S.load();
  for (const part of [desk, settings, audition, microphone, generation, take, files]) part.begin();
  on("theme", "click", theme);
  addEventListener("keydown", shortcut);
  addEventListener("resize", () => { S.draw(); S.draw("take"); });
  S.listen("all", () => { desk.draw(); settings.draw(); take.drawSelection(); desk.refreshPattern(); });
  S.listen("take", take.draw);
  S.listen("takes", history.draw);
  desk.draw();
  history.draw();
  visit.facts = await api.facts();
  $("#pattern").append(...visit.facts.patterns.map((name) => h("option", {}, name)));
  settings.fill(visit.facts);
  const { ids } = await api.ask("here", { ids: takes.map(({ id }) => id) });
  for (const each of takes) each.here = ids.includes(each.id);
  S.draw();
  history.draw();
  document.body.classList.add("ready");
}

guarded(begin)();
