// Desk: description, tempo, metre and bars, with the lanes of chords, drums and melody below them.
import { $, guarded, h, number, on, say } from "./dom.js";
import * as api from "./api.js";
import * as S from "./state.js";
import * as lane from "./lane.js";
import * as roll from "./roll.js";

const { state, visit } = S;
const NOTES = { 1: "𝅝", 2: "𝅗𝅥", 4: "♩", 8: "♪", 16: "𝅘𝅥𝅯" };

export function draw() {
  const width = lane.fit($("#grid-box").clientWidth);
  $("#grid").style.width = `${width}px`;
  for (const name of ["text", "bpm", "metre", "bars", "key"]) {
    if (document.activeElement !== $(`#${name}`)) $(`#${name}`).value = state[name];
  }
  $("#unit").textContent = NOTES[state.metre.split("/")[1]] ?? "";
  const isLong = S.seconds() > visit.facts?.longest;
  $("#length").textContent = `${S.seconds().toFixed(1)} s${isLong ? `, at most ${visit.facts.longest} s` : ""}`;
  $("#length").classList.toggle("bad", isLong);
  if (document.activeElement !== $("#written")) $("#written").value = S.chordText();
  lane.drawRuler();
  lane.drawChords();
  drawDrums();
  roll.drawRoll();
  $("#draw").setAttribute("aria-pressed", String(roll.isOpen));
}

// --- drums ---------------------------------------------------------------------------------------

const drumLabel = (drums) => ({ pattern: "pattern", file: drums.name, codes: "drums of the take" })[drums.kind];

// Onsets (s) of the drums over the whole desk; a repeated loop lasts whole bars.
export function drumOnsets() {
  const { drums } = state, end = S.seconds(), bar = S.barSeconds();
  const length = drums?.loop ? Math.max(Math.round(drums.duration / bar), 1) * bar : 0;
  const onsets = [];
  for (let start = 0; drums?.onsets && start < end; start += length || end) {
    onsets.push(...drums.onsets.map((at) => at + start).filter((at) => at < end && (!length || at < start + length)));
  }
  return onsets;
}

function drawDrums() {
  const box = $("#drums"), { drums } = state, onsets = drumOnsets();
  $("#pattern").value = drums?.kind === "pattern" ? drums.name : "";
  $("#repeat-box").hidden = drums?.kind !== "file";
  $("#repeat").checked = Boolean(drums?.loop);
  box.replaceChildren(...lane.lines(), ...onsets.map((at) =>
    h("i.tick", { style: { left: `${(at / S.beatSeconds()) * lane.beatWidth}px` } })));
  if (!drums) box.append(h("span.hint", {}, "Drop a loop, a song or a MIDI pattern here"));
  else if (drums.kind !== "pattern") box.append(h("span.label", {}, drumLabel(drums)));
  box.setAttribute("aria-label", drums ? `Drums: ${drums.name ?? drumLabel(drums)}, ${onsets.length} strokes` : "No drums");
}

// Onsets of a pattern follow tempo, metre and length.
let patternOf = "";
export const refreshPattern = guarded(async () => {
  const { drums, bpm, metre } = state;
  if (drums?.kind !== "pattern") { patternOf = ""; return; }
  const wanted = JSON.stringify([drums.name, bpm, metre, state.bars]);
  if (wanted === patternOf) return;
  patternOf = wanted;
  const { onsets } = await api.ask("pattern", { name: drums.name, bpm, metre, duration: Math.min(S.seconds(), 600) });
  S.change((s) => { if (s.drums?.name === drums.name) s.drums.onsets = onsets; }, { undo: false });
});

// --- fields --------------------------------------------------------------------------------------

export function copy() {
  const count = S.copyBars();
  say(`${count} ${count === 1 ? "bar is" : "bars are"} copied.`);
}

export function begin() {
  $("#key").append(...["major", "minor"].flatMap((mode) => S.SHARPS.map((tonic) => h("option", {}, `${tonic} ${mode}`))));
  on("text", "input", () => S.change((s) => { s.text = $("#text").value; }, { undo: false, what: "text" }));
  on("bpm", "change", () => S.change((s) => { s.bpm = number("bpm", 20, 300, s.bpm); }));
  on("metre", "change", () => S.setMetre($("#metre").value));
  on("bars", "change", () => S.change((s) => { s.bars = Math.round(number("bars", 1, 256, s.bars)); s.selection = null; }));
  on("key", "change", () => {
    const text = $("#written").value, isRead = text === S.chordText();
    S.change((s) => { s.key = $("#key").value; }, { undo: false });
    if (!isRead) lane.readText(text);
  });
  on("written", "change", () => lane.readText($("#written").value));
  on("written", "keydown", (event) => { if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); lane.readText($("#written").value); } });
  on("up", "click", () => S.transpose(1));
  on("down", "click", () => S.transpose(-1));
  on("copy", "click", copy);
  on("paste", "click", () => S.pasteBars());
  on("fill", "click", () => S.pasteBars({ fill: true }));
  on("undo", "click", () => S.undo());
  on("clear-chords", "click", () => S.change((s) => { s.chords = []; }));
  on("clear-drums", "click", () => S.change((s) => { s.drums = null; }));
  on("clear-melody", "click", () => { roll.open(false); S.change((s) => { s.melody = []; }); });
  on("pattern", "change", () => S.change((s) => { s.drums = $("#pattern").value ? { kind: "pattern", name: $("#pattern").value, onsets: [] } : null; }));
  on("repeat", "change", () => S.change((s) => { s.drums.loop = $("#repeat").checked; }));
  on("draw", "click", () => { roll.open(!roll.isOpen); draw(); });
  lane.begin();
  roll.begin();
}
