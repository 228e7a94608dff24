// Generation of takes and edits: progress, cancel, and the sound of a stream.
import { $, guarded, on, say } from "./dom.js";
import * as api from "./api.js";
import * as S from "./state.js";
import { anew, extension, isAsked, nameOf, newSeed, request, variation } from "./request.js";
import { halt as haltAudition } from "./audition.js";
import { player, reports, show } from "./take.js";
import { audio } from "./sound.js";

const { state, takes, visit } = S;

// Make the take of a page's request; an edit is compared with the controls of the whole take.
export const make = guarded(async ({ kind = "take", page = request(), compared = null } = {}) => {
  if (visit.running || !visit.facts) return;
  if (!compared && !isAsked(page)) throw new Error("Say what to play: describe it, type a chord, or choose drums.");
  page.stream = kind === "take" && state.stream && page.best_of < 2 && S.seconds() > visit.facts.model.segment;
  const made = { page: compared ?? { ...page, stream: false }, desk: S.snapshot(), kind, notes: [] };
  haltAudition();
  audio();
  visit.running = new AbortController();
  progress({ text: "Waiting for the model…" });
  if (page.stream) {
    player.beginStream();
    Object.assign(visit, { other: null, shown: { ...made, id: null, here: false, name: nameOf(page), seed: page.seed,
      duration: S.seconds(), bar: S.barSeconds(), loudness: null } });
    $("#result").hidden = false;
  }
  S.draw("take");
  try {
    for await (const event of api.call("generate", page, visit.running.signal)) {
      if (event.event === "step") progress(event);
      if (event.event === "note") made.notes.push(event.text);
      if (event.event === "sound") player.feed(Uint8Array.from(atob(event.data), (c) => c.charCodeAt(0)));
      if (event.event === "take") { player.feed(new Uint8Array(), true); await arrive(event, made); }
    }
    if (!state.locked) S.change((s) => { s.seed = newSeed(); }, { undo: false });
  } finally {
    visit.running = null;
    if (visit.shown && !visit.shown.id) { player.halt(); visit.shown = null; $("#result").hidden = true; }
    progress(null);
    S.draw("take");
  }
});

function progress(step) {
  $("#progress").hidden = !step;
  $("#generate").hidden = Boolean(step);
  if (!step) return;
  const bar = $("#bar");
  if (step.total) { bar.max = step.total; bar.value = step.done; } else bar.removeAttribute("value");
  const left = step.left > 0.5 ? `, ${Math.ceil(step.left)} s left` : "";
  $("#step").textContent = step.text ?? `Step ${step.done} of ${step.total}${left}`;
}

async function arrive(event, made) {
  const { report, event: _, ...facts } = event, { page } = made;
  const take = { ...facts, ...made, here: true, starred: false, made: Date.now(), bar: S.barOf(page), name: nameOf(page) };
  takes.unshift(take);
  if (report) { reports.set(take.id, report); take.words = report.words; }
  S.keepTakes();
  await show(take, { play: !player.stream });
}

export function cancel() {
  if (!visit.running) return;
  visit.running.abort();
  player.halt();
  say("Cancelled: the work has stopped.");
}

const edit = (kind, [page, compared]) => make({ kind, page, compared });

function regenerate() {
  const [first, last] = state.selection;
  edit(first === last ? `bar ${first}` : `bars ${first}–${last}`, anew(visit.shown, [first, last]));
}

export const makeLoop = () => make({ kind: "loop", page: { ...request(), edit: { kind: "loop" } } });

export function begin() {
  on("generate", "click", () => make());
  on("cancel", "click", cancel);
  on("again", "click", regenerate);
  on("extend", "click", () => edit("extended", extension(visit.shown)));
  on("vary", "click", () => edit("variation", variation(visit.shown)));
  on("make-loop", "click", makeLoop);
  // A page that is left may live on in the browser's cache, and its request with it.
  addEventListener("pagehide", () => visit.running?.abort());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  addEventListener("beforeunload", (event) => { if (visit.running) event.preventDefault(); });
}
