// History: the takes that were made, and the return to the settings of one of them.
import { $, h, say } from "./dom.js";
import * as api from "./api.js";
import * as S from "./state.js";
import * as result from "./result.js";
import { make, makeLoop } from "./generation.js";
import { request } from "./request.js";
import { show } from "./take.js";

const { state, takes, visit } = S;
const AGAIN = { take: make, loop: makeLoop };  // kinds that their settings alone make again

export function draw() {
  $("#no-takes").hidden = takes.length > 0;
  $("#takes").replaceChildren(...takes.map(item));
}

function item(take) {
  const { shown, other } = visit, compared = other?.id === take.id;
  const bars = Object.entries(take.words ?? {}).map(([name, { score }]) =>
    h("i", { title: `${name} ${score ?? "not scored"}`, style: { "--score": `${Math.round((score ?? 0) * 100)}%` } }));
  return h(`li.take${take.id === shown?.id ? ".shown" : ""}`, {
    draggable: true, ondragstart: (event) => event.dataTransfer.setData("application/x-jasco-take", take.id),
  },
  h("button.name", { onclick: () => show(take, { play: take.here }), "aria-current": String(take.id === shown?.id) },
    h("b", {}, `${take.starred ? "★ " : ""}${take.name.slice(0, 60)}`),
    h("span", {}, result.describe(take) + (take.here ? "" : ", recipe only"))),
  h("span.dots", { role: "img", "aria-label": scoresOf(take) }, ...bars),
  h("span.row", {},
    h("button.quiet", { onclick: () => restore(take) }, take.here || !AGAIN[take.kind] ? "Restore" : "Restore and make again"),
    take.here && shown && take.id !== shown.id && h("button.quiet", { "aria-pressed": String(compared),
      onclick: () => { visit.other = compared ? null : take; S.draw("take"); draw(); } }, "A/B"),
    h("button.quiet", { "aria-label": `Remove take, seed ${take.seed}`, onclick: () => remove(take) }, "✕")));
}

const scoresOf = (take) => Object.entries(take.words ?? {}).map(([name, { line }]) => `${name} ${line}`).join("; ") || "not compared yet";

function remove(take) {
  S.removeTake(take.id);
  if (visit.other?.id === take.id) visit.other = null;
  draw();
  S.draw("take");
}

// Settings of an earlier take; drums whose file is gone are those of its recipe.
export async function restore(take) {
  const desk = structuredClone(take.desk), { drums } = desk;
  if (drums?.kind === "file" && !(await api.ask("here", { ids: [drums.id] })).ids.length) {
    desk.drums = codesOf(take.recipe?.conditions?.drums);
  }
  S.replaceState({ ...desk, seed: take.seed, locked: true, selection: null });
  say(`Settings of the take with seed ${take.seed} are restored, and its seed is locked.`);
  if (!take.here) AGAIN[take.kind]?.();
}

const codesOf = (codes) => codes ? { kind: "codes", codes } : null;

export function restoreRecipe({ id, name, here, settings, recipe, loudness }) {
  const { sheet, text, seed, steps, guidance: weights, drums, song } = settings, { model } = visit.facts;
  const same = JSON.stringify(weights) === JSON.stringify(model.guidance);
  S.replaceState({
    text, seed: seed ?? state.seed, locked: true, steps: steps === model.steps ? null : steps,
    bpm: sheet.bpm, metre: sheet.metre, bars: sheet.bars, chords: sheet.chords, melody: sheet.melody ?? [],
    drums: codesOf(drums), guidance: same ? { preset: "balanced", weights: {} } : { preset: "own", weights },
  });
  const page = { ...request(), stream: /\.wav$/.test(name) };
  const take = {
    id, name: text || name, seed, duration: recipe.duration, loudness, recipe, here, starred: false,
    page, desk: S.snapshot(), kind: song ?? "take", bar: S.barOf(page), made: Date.now(),
  };
  takes.unshift(take);
  S.keepTakes();
  say(`${name} is restored: its settings are on the desk.`);
  return show(take);
}
