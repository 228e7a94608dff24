// Take that is shown: its player, comparison with another take, and how it follows its controls.
import { $, guarded, h, on, time } from "./dom.js";
import * as api from "./api.js";
import * as S from "./state.js";
import * as result from "./result.js";
import { Player, audio, decibels } from "./sound.js";

const { state, visit } = S;
const MOST_BUFFERS = 6;
export const player = new Player();
export const reports = new Map();  // by the id of a take, for this visit
const buffers = new Map();
let heard = "a", checking = null;

async function bufferOf(take) {
  if (!buffers.has(take.id)) {
    const data = await (await fetch(api.fileOf(take.id))).arrayBuffer();
    buffers.set(take.id, await audio().decodeAudioData(data));
    if (buffers.size > MOST_BUFFERS) buffers.delete(buffers.keys().next().value);
  }
  return buffers.get(take.id);
}

export const show = guarded(async (take, { play = false } = {}) => {
  visit.shown = take;
  heard = "a";
  if (visit.other?.id === take.id) visit.other = null;
  $("#result").hidden = false;
  S.draw("takes");
  const buffer = take.here ? await bufferOf(take) : null;
  if (visit.shown !== take) return;  // another one was chosen meanwhile
  if (!player.stream) {
    if (buffer) { player.halt(); player.offset = 0; player.set(buffer, level(take)); }
    setLoop(false);
    if (play && buffer) player.play();
  } else player.buffer = buffer;
  draw();
  if (take.here && !reports.has(take.id)) compare(take);
});

export function draw() {
  const { shown, other } = visit;
  if (!shown) return;
  $("#result-facts").textContent = [shown.name.slice(0, 90), result.describe(shown),
    shown.seconds ? `made in ${shown.seconds.toFixed(1)} s` : ""].filter(Boolean).join(" · ");
  const report = reports.get(shown.id) ?? (shown.words ? { words: shown.words } : null);
  result.drawResult(shown, report, buffers.get(shown.id));
  const link = $("#download"), name = `${fileName(shown)}.${shown.page.stream ? "wav" : "flac"}`;
  link.hidden = $("#session").hidden = $("#keep").hidden = !shown.here;
  $("#play").disabled = !shown.here && !player.stream;
  link.href = api.fileOf(shown.id, name);
  $("#keep").setAttribute("aria-pressed", String(shown.starred));
  $("#keep").textContent = shown.starred ? "★ Kept" : "☆ Keep";
  for (const id of ["extend", "vary"]) $(`#${id}`).disabled = !shown.here || Boolean(visit.running);
  $("#make-loop").disabled = Boolean(visit.running);
  $("#ab").hidden = !other;
  for (const side of ["a", "b"]) $(`#${side}`).setAttribute("aria-pressed", String(heard === side));
  drawSelection();
  tick();
}

// Bars that are selected on the desk are marked on the take too.
export function drawSelection() {
  const { shown } = visit, range = shown ? state.selection : null, button = $("#again");
  const text = range && (range[0] === range[1] ? `bar ${range[0]}` : `bars ${range[0]}–${range[1]}`);
  const inside = range && (range[1] - 1) * shown.bar < shown.duration - 0.01;
  button.textContent = range ? `Regenerate ${text}` : "Regenerate bars";
  button.disabled = !inside || !shown.here || Boolean(visit.running);
  $("#edit-hint").hidden = Boolean(range);
  result.drawRange(range ? secondsOf(range) : null);
  if (player.loop) setLoop(true);
}

const secondsOf = ([first, last]) => [(first - 1) * visit.shown.bar, Math.min(last * visit.shown.bar, visit.shown.duration)];
const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 40) || "take";
const fileName = (take) => `${slug(take.name)}-${take.seed}`;

// Compared takes play at the loudness of the softer one.
function level(take) {
  const levels = [visit.shown, visit.other].map((each) => each?.loudness ?? null);
  return levels.includes(null) || take.loudness === null ? 1 : decibels(Math.min(...levels) - take.loudness);
}

async function compare(take) {
  checking?.abort();
  checking = new AbortController();
  const { signal } = checking;
  try {
    for await (const event of api.call("check", { page: take.page, take: take.id }, signal)) {
      if (event.event === "report") {
        reports.set(take.id, event);
        take.words = event.words;
        S.keepTakes();
      }
    }
  } catch (error) {
    if (error.name === "AbortError") return;
    reports.set(take.id, { missing: { take: error.message } });
  }
  if (visit.shown?.id === take.id) draw();
  S.draw("takes");
}

// --- transport -----------------------------------------------------------------------------------

const listenTo = guarded(async (side) => {
  heard = side;
  const take = side === "a" ? visit.shown : visit.other;
  player.set(await bufferOf(take), level(take));
  if (!player.playing) player.play();
  draw();
});

function setLoop(wanted) {
  const range = visit.shown && secondsOf(state.selection ?? [1, Infinity]);
  player.setLoop(wanted && range && range[1] > range[0] ? range : null);
  $("#loop").setAttribute("aria-pressed", String(Boolean(player.loop)));
}

function tick() {
  const { shown } = visit, at = player.position();
  $("#clock").textContent = `${time(at)} / ${time(player.stream ? player.duration : shown?.duration ?? 0)}`;
  $("#play").textContent = player.playing ? "❚❚" : "▶";
  $("#play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
  if (shown) result.drawHead(Math.min(at, shown.duration));
  if (player.playing && player.stream && shown && !visit.running && at >= player.duration - 0.05) { player.halt(); player.offset = 0; }
  if (player.playing) requestAnimationFrame(tick);
}

export function toggle() {
  if (!visit.shown) return;
  if (player.playing) player.halt(); else player.play();
  tick();
}

function seek(position) {
  player.seek(position);
  tick();
}

// Left and right go by a bar, Home and End to the ends.
function seekByKey(event) {
  const { shown } = visit, at = player.position(), bar = Math.floor(at / shown.bar + 0.01);
  const to = { ArrowLeft: (at - bar * shown.bar > 0.3 ? bar : bar - 1) * shown.bar, ArrowRight: (bar + 1) * shown.bar, Home: 0, End: shown.duration }[event.key];
  if (to === undefined || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  seek(Math.max(0, Math.min(to, shown.duration)));
}

export function begin() {
  on("play", "click", toggle);
  on("loop", "click", () => setLoop(!player.loop));
  on("a", "click", () => listenTo("a"));
  on("b", "click", () => listenTo("b"));
  on("result-box", "keydown", seekByKey);
  on("keep", "click", () => { visit.shown.starred = !visit.shown.starred; S.keepTakes(); draw(); S.draw("takes"); });
  on("session", "click", guarded(async () => {
    const { id, name } = await api.session(visit.shown.id, fileName(visit.shown));
    h("a", { href: api.fileOf(id, name), download: name }).click();
  }));
  player.onstop = tick;
  player.onstart = tick;
  result.begin({
    onseek: seek,
    onrange: (range) => S.change((s) => { s.selection = range; }, { undo: false }),
  });
}
