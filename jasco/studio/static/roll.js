// Piano roll of the melody: click or Enter to add a note, drag to move it, drag its end, Delete to remove it.
import { $, drag, h } from "./dom.js";
import { beatWidth, lines, preview } from "./lane.js";
import * as S from "./state.js";

const { state } = S;
const LOW = 43, HIGH = 95, FIRST = 67, ROW = 7, SNAP = 0.5, NAMES = "C C# D Eb E F F# G Ab A Bb B".split(" ");
const top = (key) => (HIGH - key) * ROW;
const nameOf = (key) => `${NAMES[key % 12]}${Math.floor(key / 12) - 1}`;
const px = (beat) => `${beat * beatWidth}px`;
let scrolled = false;
export let isOpen = false;
export function open(value) { isOpen = value; scrolled = false; drawRoll(); }

export function drawRoll() {
  const shown = isOpen || state.melody.length > 0, roll = $("#roll");
  $("#roll-box").hidden = !shown;
  if (!shown) return;
  const rows = [];
  for (let key = LOW; key <= HIGH; key++) {
    if ([1, 3, 6, 8, 10].includes(key % 12)) rows.push(h("i.black", { style: { top: `${top(key)}px`, height: `${ROW}px` } }));
    if (key % 12 === 0) rows.push(h("b.octave", { style: { top: `${top(key) - 4}px` } }, nameOf(key)));
  }
  roll.style.height = `${(HIGH - LOW + 1) * ROW}px`;
  roll.replaceChildren(...rows, ...lines(), ...state.melody.map(note));
  if (!scrolled) {
    const keys = state.melody.map(([key]) => key).sort((a, b) => a - b);
    $("#roll-box").scrollTop = top(keys[keys.length >> 1] ?? FIRST) - 70;
    scrolled = true;
  }
}

function note([key, at, long], index) {
  return h("button.note", {
    style: { left: px(at), width: px(long), top: `${top(key)}px`, height: `${ROW}px` },
    "aria-label": `${nameOf(key)}, beat ${at + 1}, ${long} beats`, "data-note": String(index),
    title: "Arrows: move, Enter: add one after it, Shift and arrows: length, Delete: remove",
    onpointerdown: (event) => dragNote(event, index), onkeydown: (event) => keysOf(event, index),
  });
}

const bounded = ([key, at, long]) => {
  const start = Math.max(0, Math.min(S.totalBeats() - SNAP, at));
  return [Math.max(LOW, Math.min(HIGH, key)), start, Math.max(SNAP / 2, Math.min(long, S.totalBeats() - start))];
};

function put(index, value) {
  S.change((s) => { s.melody[index] = bounded(value); });
  $(`#roll [data-note="${index}"]`)?.focus();
}

function dragNote(event, index) {
  event.stopPropagation();
  const [key, at, long] = state.melody[index], element = event.currentTarget;
  const box = element.getBoundingClientRect(), end = box.right - event.clientX < Math.min(8, box.width / 3);
  const snapped = (x) => Math.round(x / beatWidth / SNAP) * SNAP;
  let value = [key, at, long];
  preview.chord(null, [key]);
  drag(event, (dx, dy) => {
    value = bounded(end ? [key, at, Math.max(SNAP, long + snapped(dx))] : [key - Math.round(dy / ROW), at + snapped(dx), long]);
    Object.assign(element.style, { left: px(value[1]), width: px(value[2]), top: `${top(value[0])}px` });
  }, (moved) => { if (moved) put(index, value); else element.focus(); });
}

function add(value) {
  const added = bounded(value);
  S.change((s) => { s.melody = [...s.melody, added].sort((a, b) => a[1] - b[1]); });
  $(`#roll [data-note="${state.melody.indexOf(added)}"]`)?.focus();
  preview.chord(null, [added[0]]);
}

function keysOf(event, index) {
  const [key, at, long] = state.melody[index];
  if (event.key === "Enter") add([key, at + long, long]);
  else if (event.key === "Delete" || event.key === "Backspace") {
    S.change((s) => { s.melody.splice(index, 1); });
    $(`#roll [data-note="${Math.max(index - 1, 0)}"]`)?.focus();
  } else {
    const longer = event.shiftKey;
    const value = {
      ArrowUp: [key + 1, at, long], ArrowDown: [key - 1, at, long],
      ArrowLeft: longer ? [key, at, Math.max(SNAP, long - SNAP)] : [key, at - SNAP, long],
      ArrowRight: longer ? [key, at, long + SNAP] : [key, at + SNAP, long],
    }[event.key];
    if (!value) return;
    put(index, value);
    preview.chord(null, [state.melody[index][0]]);
  }
  event.preventDefault();
  event.stopPropagation();
}

export function begin() {
  $("#roll").addEventListener("pointerdown", (event) => {
    if (event.target.closest(".note") || event.button) return;
    const roll = event.currentTarget, box = roll.getBoundingClientRect();
    const at = Math.floor((event.clientX - box.left) / beatWidth / SNAP) * SNAP;
    const key = HIGH - Math.floor((event.clientY - box.top) / ROW);
    let long = 1;
    drag(event, (dx) => { long = Math.max(SNAP, Math.round(dx / beatWidth / SNAP) * SNAP); }, () => add([key, at, long]));
  });
  $("#roll").addEventListener("keydown", (event) => {
    if (event.target !== event.currentTarget || event.key !== "Enter") return;
    const [key, at, long] = state.melody.at(-1) ?? [FIRST, 0, 0];
    add([key, at + long, 1]);
  });
}
