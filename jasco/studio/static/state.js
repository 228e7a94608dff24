// State of the page in one place: what a take is made of. Every change goes through `change`,
// which draws the page again, keeps the state in the browser and allows to undo it. A tab has a desk
// of its own; the takes are those of all tabs.

const KEY = "jasco-studio", TAKES = "jasco-studio-takes", MOST_TAKES = 60, MOST_UNDONE = 100;

const fresh = () => ({
  text: "", bpm: 96, metre: "4/4", bars: 4, key: "", chords: [], melody: [], drums: null,
  seed: 7, locked: false, bestOf: 1, steps: null, stream: true,
  guidance: { preset: "balanced", weights: {} }, selection: null, adapter: { name: "", scale: 1 },
});

export const state = fresh();
export const takes = stored(localStorage, TAKES, []);
// Of this visit, not kept: facts of the server, the take that is shown, the one beside it (A/B), the work that runs.
export const visit = { facts: null, shown: null, other: null, running: null };
const listeners = {}, past = [], future = [];

function stored(storage, key, otherwise) {
  try { return JSON.parse(storage.getItem(key)) ?? otherwise; } catch { return otherwise; }
}

function keep(storage, key, value) {
  try { storage.setItem(key, JSON.stringify(value)); return true; } catch { return false; }
}

function keepState() {
  keep(sessionStorage, KEY, state);
  keep(localStorage, KEY, state);
}

export const snapshot = () => structuredClone(state);
export const listen = (what, work) => { listeners[what] = work; };
export const beats = () => Number(state.metre.split("/")[0]);
export const totalBeats = () => beats() * state.bars;
export const beatSeconds = () => 60 / state.bpm;
export const seconds = () => totalBeats() * beatSeconds();
export const barOf = ({ metre, bpm }) => (Number(metre.split("/")[0]) * 60) / bpm;
export const barSeconds = () => barOf(state);

export const draw = (what = "all") => listeners[what]?.();

export function change(edit, { undo = true, what = "all" } = {}) {
  if (undo) {
    past.push(JSON.stringify(state));
    if (past.length > MOST_UNDONE) past.shift();
    future.length = 0;
  }
  edit(state);
  keepState();
  draw(what);
}

export function replaceState(values) {
  change((s) => Object.assign(s, fresh(), structuredClone(values)));
}

export function undo(back = true) {
  const [from, to] = back ? [past, future] : [future, past];
  if (!from.length) return;
  to.push(JSON.stringify(state));
  Object.assign(state, JSON.parse(from.pop()));
  keepState();
  draw();
}

export function load() {
  Object.assign(state, stored(localStorage, KEY, {}), stored(sessionStorage, KEY, {}), { selection: null });
}

// --- takes ---------------------------------------------------------------------------------------

export function keepTakes() {
  takes.splice(MOST_TAKES);
  // Where the browser's storage is full, the oldest takes that are not kept on purpose go first.
  while (!keep(localStorage, TAKES, takes) && takes.length > 1) {
    const index = takes.findLastIndex((take) => !take.starred);
    takes.splice(index < 0 ? takes.length - 1 : index, 1);
  }
}

export function removeTake(id) {
  takes.splice(takes.findIndex((take) => take.id === id), 1);
  keepTakes();
}

// What another tab does to the takes is done here too.
addEventListener("storage", ({ key }) => {
  if (key !== TAKES) return;
  const known = new Map(takes.map((take) => [take.id, take]));
  takes.splice(0, takes.length, ...stored(localStorage, TAKES, []).map((take) => Object.assign(known.get(take.id) ?? {}, take)));
  draw("takes");
});

// --- chords: [[onset in beats, name], ...], each until the next one ------------------------------

export function segments(chords = state.chords, end = totalBeats()) {
  const inside = chords.filter(([at]) => at < end);
  return inside.map(([at, name], index) => ({
    at, name, index, end: index + 1 < inside.length ? inside[index + 1][0] : end,
  }));
}

export function setChord(at, name) {
  change((s) => {
    const kept = s.chords.filter(([onset]) => onset !== at);
    if (!kept.length && at > 0) kept.push([0, "N"]);
    s.chords = [...kept, [at, name]].sort((a, b) => a[0] - b[0]);
  });
}

export function removeChord(index) {
  change((s) => {
    s.chords.splice(index, 1);
    if (s.chords.length && s.chords[0][0] > 0) s.chords[0][0] = 0;
  });
}

const gcd = (a, b) => (b < 1e-6 ? a : gcd(b, a % b));

// Bars of chords in the notation of Jasco: `C . Am . | F | %`.
export function chordText(chords = state.chords, first = 0, last = state.bars) {
  if (!chords.length) return "";
  const size = beats(), written = [];
  const sounding = (at) => chords.findLast(([onset]) => onset <= at + 1e-6)?.[1] ?? "N";
  for (let bar = first; bar < last; bar++) {
    const start = bar * size;
    const inside = chords.filter(([at]) => at > start + 1e-6 && at < start + size - 1e-6);
    const step = inside.reduce((part, [at]) => gcd(part, Math.round((at - start) * 12)), size * 12) / 12;
    const cells = [];
    for (let cell = 0; cell < Math.round(size / step); cell++) {
      const at = start + cell * step;
      const begins = cell === 0 || inside.some(([onset]) => Math.abs(onset - at) < 1e-6);
      cells.push(begins ? sounding(at).replace(/^N$/, "N.C.") : ".");
    }
    written.push(cells.join(" "));
  }
  return written.join(" | ");
}

export const SHARPS = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const CLASSES = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 };
export const pitchClass = (note) =>
  (CLASSES[note[0]] + (note[1] === "#" ? 1 : note[1] === "b" ? 11 : 0)) % 12;

export function transposed(name, semitones) {
  return name.replace(/^(N$|UNK)|([A-G][#b]?)/g, (all, none, note) =>
    none ? all : SHARPS[(pitchClass(note) + semitones + 12) % 12])
    .replace(/\/([A-G][#b]?)/, (all, note) => `/${SHARPS[pitchClass(note) % 12]}`);
}

// Hue of a chord by the circle of fifths, and its mode, for colours.
export function colour(name) {
  if (!name || name === "N" || name === "UNK" || name === "X") return { "--hue": 220, mode: "none" };
  const minor = /^[A-G][#b]?(m(?!aj)|dim)/.test(name);
  return { "--hue": ((pitchClass(name) * 7) % 12) * 30, mode: minor ? "minor" : "major" };
}

const inRange = (at) => {
  if (!state.selection) return true;
  const bar = at / beats();
  return bar >= state.selection[0] - 1 && bar < state.selection[1];
};

export function transpose(semitones) {
  change((s) => {
    s.chords = s.chords.map(([at, name]) => [at, inRange(at) ? transposed(name, semitones) : name]);
    s.melody = s.melody.map(([key, at, long]) => [inRange(at) ? key + semitones : key, at, long]);
  });
}

// --- bars: copied and pasted as they sound -------------------------------------------------------

let copied = null;

export function copyBars() {
  const [first, last] = state.selection ?? [1, state.bars], size = beats();
  const [start, end] = [(first - 1) * size, last * size];
  const name = state.chords.findLast(([at]) => at <= start)?.[1];
  const chords = state.chords.filter(([at]) => at > start && at < end).map(([at, n]) => [at - start, n]);
  copied = {
    length: end - start,
    chords: name ? [[0, name], ...chords] : chords,
    melody: state.melody.filter(([, at]) => at >= start && at < end).map(([k, at, l]) => [k, at - start, l]),
  };
  return last - first + 1;
}

export function pasteBars({ fill = false } = {}) {
  if (!copied) return;
  const size = beats();
  change((s) => {
    const from = s.selection ? (s.selection[0] - 1) * size : fill ? copied.length : s.bars * size;
    const until = fill ? s.bars * size : from + copied.length;
    for (let start = from; start < until - 1e-6; start += copied.length) pasteAt(s, start);
    s.bars = Math.max(s.bars, Math.ceil(until / size - 1e-6));
    const end = s.bars * size;
    s.chords = s.chords.filter(([at]) => at < end);
    s.melody = s.melody.filter(([, at]) => at < end);
  });
}

function pasteAt(s, start) {
  const end = start + copied.length, after = s.chords.findLast(([at]) => at <= end)?.[1];
  const kept = s.chords.filter(([at]) => at < start || at >= end);
  const pasted = copied.chords.map(([at, name]) => [at + start, name]);
  const resumes = after && end < s.bars * beats() && !kept.some(([at]) => at === end);
  s.chords = [...kept, ...pasted, ...(resumes ? [[end, after]] : [])].sort((a, b) => a[0] - b[0]);
  s.melody = [
    ...s.melody.filter(([, at]) => at < start || at >= end),
    ...copied.melody.map(([k, at, l]) => [k, at + start, l]),
  ].sort((a, b) => a[1] - b[1]);
}

// Chords and notes stay in their bars; a chord behind the end of a shorter bar moves to the next one.
export function setMetre(metre) {
  const before = beats();
  change((s) => {
    s.metre = metre;
    s.selection = null;
    const size = beats(), bar = (at) => Math.floor(at / before), fits = (at) => at % before < size;
    const placed = (at) => (fits(at) ? bar(at) * size + (at % before) : (bar(at) + 1) * size);
    s.chords = [...new Map(s.chords.map(([at, name]) => [placed(at), name]))].filter(([at]) => at < totalBeats());
    s.melody = s.melody.filter(([, at]) => fits(at)).map(([key, at, long]) => [key, placed(at), long]);
  });
}
