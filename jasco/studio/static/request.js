// Requests of the page: what the desk asks of the server.
import * as S from "./state.js";

const { state, visit } = S;

function guidance() {
  const { preset, weights } = state.guidance, own = visit.facts.model.guidance;
  if (preset === "free") return { all: 1.5 };
  if (preset === "close") return Object.fromEntries(Object.entries(own).map(([name, w]) => [name, Math.round(w * 14) / 10]));
  if (preset !== "own") return null;
  const given = Object.fromEntries(Object.entries({ ...own, ...weights }).filter(([, w]) => w > 0));
  return Object.keys(given).length ? given : null;
}

function drumsOf(drums) {
  if (!drums) return null;
  if (drums.kind === "pattern") return { pattern: drums.name };
  return drums.kind === "codes" ? { codes: drums.codes } : { file: drums.id, loop: drums.loop };
}

export const request = () => ({
  text: state.text, chords: S.chordText(), bpm: state.bpm, metre: state.metre, bars: state.bars,
  drums: drumsOf(state.drums), melody: state.melody.length ? state.melody : null,
  seed: Number(state.seed), steps: state.steps, best_of: state.bestOf, guidance: guidance(),
  adapter: visit.facts.adapters.includes(state.adapter.name) ? state.adapter : null,
});

export const isAsked = (page) => page.text?.trim() || page.chords || page.drums || page.melody;
export const nameOf = (page) => page.text?.trim() || page.chords || "Take";
export const newSeed = () => Math.floor(Math.random() * 2 ** 31);

// --- edits of a take, which keep its tempo, metre and length -------------------------------------

const tempoOf = ({ page }) => ({ bpm: page.bpm, metre: page.metre });
const edited = (kind, take, rest = {}) => ({
  ...request(), ...tempoOf(take), seed: newSeed(), best_of: 1, melody: null, edit: { kind, take: take.id, ...rest },
});

// Each gives the request of an edit, and the controls that the whole take follows after it.
export function anew(take, [first, last]) {
  const chords = S.chordText(state.chords, first - 1, last);
  const bars = take.page.chords?.split(" | ");
  if (chords && bars) bars.splice(first - 1, last - first + 1, ...chords.split(" | "));
  const request_ = { ...edited("edit", take, { bars: `${first}-${last}` }), chords, drums: null };
  return [request_, { ...take.page, text: state.text, chords: bars?.join(" | ") || S.chordText() }];
}

export function extension(take) {
  const request_ = edited("continue", take), { page } = take;
  const bars = Math.round(take.duration / take.bar) + state.bars;
  const drums = request_.drums?.pattern && page.drums?.pattern === request_.drums.pattern ? request_.drums : null;
  return [request_, { ...request_, bars, drums, chords: [page.chords, request_.chords].filter(Boolean).join(" | ") }];
}

export function variation(take) {
  const { page } = take, chords = state.bars === page.bars ? S.chordText() : "";
  return [{ ...edited("vary", take), bars: page.bars, chords, drums: null }, { ...page, text: state.text, chords: chords || page.chords }];
}
