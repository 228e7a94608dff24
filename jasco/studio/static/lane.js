// Ruler and chord lane: bars to select, chords to type, drag, split and delete.
import { $, drag, guarded, h, say } from "./dom.js";
import { ask } from "./api.js";
import * as S from "./state.js";

const { state } = S;
const SNAP = 0.5;  // beats
let editing = null;  // onset of the chord that is typed
export let beatWidth = 40;
export const preview = { chord: () => {} };

export function fit(width) {
  beatWidth = Math.max(width / S.totalBeats(), width < 500 ? 30 : 16);
  return beatWidth * S.totalBeats();
}

const px = (beat) => `${beat * beatWidth}px`;

// --- ruler ---------------------------------------------------------------------------------------

export function drawRuler() {
  const [first, last] = state.selection ?? [0, -1];
  $("#ruler").replaceChildren(...Array.from({ length: state.bars }, (_, k) => h("button.bar", {
    style: { left: px(k * S.beats()), width: px(S.beats()) },
    "aria-pressed": String(k + 1 >= first && k + 1 <= last),
    "aria-label": `Bar ${k + 1}`,
    "data-bar": String(k + 1),
    onpointerdown: selecting, onkeydown: selectByKey,
  }, String(k + 1))));
}

function select(first, last) {
  S.change((s) => {
    const same = s.selection?.[0] === first && s.selection?.[1] === last;
    s.selection = same ? null : [Math.min(first, last), Math.max(first, last)];
  }, { undo: false });
}

function selecting(event) {
  const bar = Number(event.currentTarget.dataset.bar);
  if (event.shiftKey && state.selection) return select(state.selection[0], bar);
  let to = bar;
  drag(event, (dx) => {
    to = Math.max(1, Math.min(state.bars, bar + Math.round(dx / (beatWidth * S.beats()))));
    const range = [Math.min(bar, to), Math.max(bar, to)];
    for (const other of $("#ruler").children) {
      const k = Number(other.dataset.bar);
      other.setAttribute("aria-pressed", String(k >= range[0] && k <= range[1]));
    }
  }, () => { select(bar, to); focusBar(to); });
}

function selectByKey(event) {
  const bar = Number(event.currentTarget.dataset.bar);
  if (event.key === "Enter" || event.key === " ") { event.preventDefault(); select(bar, bar); focusBar(bar); return; }
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = Math.max(1, Math.min(state.bars, bar + step));
  if (event.shiftKey) {
    const [first, last] = state.selection ?? [bar, bar], anchor = bar === first ? last : first;
    select(anchor, next);
  }
  focusBar(next);
}

const focusBar = (bar) => $(`#ruler [data-bar="${bar}"]`)?.focus();

// --- chords --------------------------------------------------------------------------------------

export const lines = () => Array.from({ length: S.totalBeats() }, (_, k) =>
  h(k % S.beats() ? "i.beat" : "i.barline", { style: { left: px(k) } }));

export function drawChords() {
  const lane = $("#chords"), found = S.segments();
  lane.replaceChildren(...lines(), ...found.map(cell), ...found.slice(1).map(border));
  lane.classList.toggle("empty", !found.length);
  if (!found.length) {
    lane.append(h("button.hint", { onclick: () => edit(0) }, "Press a beat and type a chord: Dm7"));
  }
  if (editing !== null) lane.append(editor());
}

function cell({ at, end, name, index }) {
  const { mode, ...style } = S.colour(name);
  return h(`button.chord.${mode}`, {
    style: { left: px(at), width: px(end - at), ...style, ...fitting(name, (end - at) * beatWidth) },
    "data-at": String(at), "data-index": String(index),
    "aria-label": `${name === "N" ? "No chord" : name}, bar ${Math.floor(at / S.beats()) + 1} beat ${(at % S.beats()) + 1}`,
    title: "Enter: rename, + and -: transpose, S: split, Delete: remove",
    onpointerdown: (event) => press(event, at, index), onkeydown: (event) => keys(event, at, end, index),
    onclick: (event) => { if (event.detail === 0) edit(at); },
    ondblclick: (event) => split(event, at, end),
  }, name === "N" ? "N.C." : name);
}

// Letters small enough for a name in a width (px).
export const fitting = (name, width, largest = 15) => {
  const size = Math.max(9, Math.min(largest, (width - 8) / (0.74 * name.length)));
  return { "font-size": `${size}px`, "padding-inline": size < largest ? "3px" : "8px" };
};

function press(event, at, index) {
  if (event.button) return;
  drag(event, () => {}, (moved) => {
    if (moved || editing !== null) return;
    const cell = $(`#chords [data-index="${index}"]`);
    cell?.focus();
    preview.chord(S.state.chords[index]?.[1]);
  });
}

function keys(event, at, end, index) {
  const run = {
    Enter: () => edit(at), F2: () => edit(at),
    Delete: () => { S.removeChord(index); focusChord(Math.max(index - 1, 0)); },
    Backspace: () => { S.removeChord(index); focusChord(Math.max(index - 1, 0)); },
    ArrowLeft: () => event.shiftKey ? move(index + 1, -SNAP) : focusChord(index - 1),
    ArrowRight: () => event.shiftKey ? move(index + 1, SNAP) : focusChord(index + 1),
    "+": () => one(index, 1), "-": () => one(index, -1),
    s: () => split(null, at, end), " ": () => preview.chord(state.chords[index][1]),
  }[event.key];
  if (run && !event.ctrlKey && !event.metaKey) { event.preventDefault(); event.stopPropagation(); run(); }
  else if (/^[A-G]$/.test(event.key) && !event.ctrlKey && !event.metaKey) edit(at, event.key, event.preventDefault());
}

function one(index, semitones) {
  S.change((s) => { s.chords[index][1] = S.transposed(s.chords[index][1], semitones); });
  preview.chord(state.chords[index][1]);
  focusChord(index);
}

const focusChord = (index) => $(`#chords [data-index="${index}"]`)?.focus();

// Move the beginning of a chord between its neighbours.
function move(index, by) {
  if (index < 1 || index >= state.chords.length) return;
  const at = placed(index, state.chords[index][0] + by);
  S.change((s) => { s.chords[index][0] = at; });
  focusChord(index - 1);
}

function placed(index, at) {
  const low = state.chords[index - 1][0] + SNAP;
  const high = (state.chords[index + 1]?.[0] ?? S.totalBeats()) - SNAP;
  return Math.max(low, Math.min(high, Math.round(at / SNAP) * SNAP));
}

function border({ at, index, name }) {
  return h("span.border", {
    style: { left: px(at) }, role: "separator", tabindex: "0", "aria-orientation": "vertical",
    "aria-label": `Beginning of ${name}`, "aria-valuenow": String(at), "aria-valuemin": "0",
    "aria-valuemax": String(S.totalBeats()), "data-border": String(index),
    onpointerdown: (event) => {
      const handle = event.currentTarget;
      let to = at;
      drag(event, (dx) => { to = placed(index, at + dx / beatWidth); handle.style.left = px(to); },
        (moved) => { if (moved) S.change((s) => { s.chords[index][0] = to; }); });
    },
    onkeydown: (event) => {
      const by = { ArrowLeft: -SNAP, ArrowRight: SNAP }[event.key];
      if (!by) return;
      event.preventDefault();
      S.change((s) => { s.chords[index][0] = placed(index, at + by); });
      $(`#chords [data-border="${index}"]`)?.focus();
    },
  });
}

function split(event, at, end) {
  const lane = $("#chords").getBoundingClientRect();
  const pointed = event ? (event.clientX - lane.left) / beatWidth : (at + end) / 2;
  const to = Math.floor(pointed / SNAP) * SNAP;
  edit(to > at && to < end ? to : at);
}

export function edit(at, text = null) {
  editing = { at, text };
  drawChords();
  const input = $("#chords input");
  input.focus();
  if (text) input.setSelectionRange(1, 1); else input.select();
}

function editor() {
  const { at, text } = editing, now = state.chords.find(([onset]) => onset === at)?.[1] ?? "";
  const input = h("input.typed", {
    style: { left: px(at) }, "aria-label": "Chord name", spellcheck: "false", autocomplete: "off",
    value: text ?? (now === "N" ? "" : now), placeholder: "Dm7",
    onkeydown: (event) => {
      event.stopPropagation();
      if (event.key === "Escape") close();
      if (event.key !== "Enter" && event.key !== "Tab") return;
      event.preventDefault();
      typed(at, input.value, event.key === "Tab" ? (event.shiftKey ? -1 : 1) : 0);
    },
    onblur: () => { if (editing?.at === at) typed(at, input.value, 0); },
  });
  return input;
}

function close() { editing = null; drawChords(); }

async function readChords(text) {
  const { bpm, metre, key } = state;
  try { return await ask("chords", { text, bpm, metre, key }); } catch (error) {
    if (!/numerals need a key/.test(error.message)) throw error;
    $("#key").focus();
    throw new Error("numerals need a key: choose one beside Chords as text");
  }
}

// Take a typed chord; Tab goes on to the next bar, and several chords fill bars from here on.
const typed = guarded(async (at, text, step) => {
  editing = null;
  const written = text.trim();
  if (written) {
    const found = await readChords(written).catch((error) => {
      drawChords();
      throw error;
    });
    if (found.chords.length === 1) S.setChord(at, found.chords[0][1]);
    else insert(at, found);
    if (found.notices.length) say(found.notices.join("; "));
    preview.chord(found.chords[0][1]);
  } else drawChords();
  const index = state.chords.findIndex(([onset]) => onset === at);
  if (!step) return focusChord(index);
  const next = (Math.floor(at / S.beats()) + step) * S.beats();
  if (next >= 0 && next < S.totalBeats()) edit(next);
});

function insert(at, sheet) {
  S.change((s) => {
    const size = S.beats(), end = at + sheet.bars * size;
    s.bars = Math.max(s.bars, Math.ceil(end / size));
    const kept = s.chords.filter(([onset]) => onset < at || onset >= end);
    s.chords = [...kept, ...sheet.chords.map(([onset, name]) => [onset + at, name])].sort((a, b) => a[0] - b[0]);
    if (s.chords[0][0] > 0) s.chords.unshift([0, "N"]);
  });
}

// A click on the lane beside all chords types one at that beat.
export function begin() {
  $("#chords").addEventListener("click", (event) => {
    if (event.target !== event.currentTarget) return;
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
    edit(Math.floor(x / beatWidth));
  });
  $("#chords").addEventListener("keydown", (event) => {
    if (event.target === event.currentTarget && event.key === "Enter") edit(0);
  });
}

// Read pasted chords in any notation as the whole lane.
export const readText = guarded(async (text) => {
  if (!text.trim()) { if (state.chords.length) S.change((s) => { s.chords = []; }); return; }
  takeSheet(await readChords(text));
});

export function takeSheet(sheet) {
  S.change((s) => {
    Object.assign(s, { bpm: sheet.bpm, metre: sheet.metre, bars: sheet.bars, chords: sheet.chords, selection: null });
    if (sheet.melody?.length) s.melody = sheet.melody;
  });
  if (sheet.notices?.length) say(sheet.notices.join("; "));
}
