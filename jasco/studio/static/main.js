// The page: fields, uploads, generation, takes, keys. State is in state.js, drawing in the others.
import { $, drag, guarded, h, say, time } from "./dom.js";
import * as api from "./api.js";
import * as S from "./state.js";
import * as lane from "./lane.js";
import * as roll from "./roll.js";
import * as result from "./result.js";
import { Audition, Player, audio, decibels, toWav } from "./sound.js";

const { state, takes } = S;
const audition = new Audition(), player = new Player();
const reports = new Map(), buffers = new Map();  // by the id of a take, for this visit
let facts, shown = null, other = null, heard = "a", running = null, checking = null;

// --- desk ----------------------------------------------------------------------------------------

function drawDesk() {
  const width = lane.fit($("#grid-box").clientWidth);
  $("#grid").style.width = `${width}px`;
  for (const [id, value] of [["text", state.text], ["bpm", state.bpm], ["metre", state.metre], ["bars", state.bars],
    ["seed", state.seed], ["best", state.bestOf], ["steps", state.steps ?? ""]]) {
    if (document.activeElement !== $(`#${id}`)) $(`#${id}`).value = value;
  }
  $("#steps").placeholder = facts?.model?.steps ?? "";
  $("#length").textContent = `${S.seconds().toFixed(1)} s`;
  $("#lock").setAttribute("aria-pressed", String(state.locked));
  $("#stream").checked = state.stream;
  $("#adapter").value = facts?.adapters.includes(state.adapter.name) ? state.adapter.name : "";
  $("#scale").value = state.adapter.scale;
  $("#scale-value").textContent = Number(state.adapter.scale).toFixed(2);
  const { preset } = state.guidance;
  $(`[name=preset][value=${preset}]`).checked = true;
  $("#weights").hidden = preset !== "own";
  if (document.activeElement !== $("#written")) $("#written").value = S.chordText();
  lane.drawRuler();
  lane.drawChords();
  drawDrums();
  roll.drawRoll();
  $("#draw").setAttribute("aria-pressed", String(roll.isOpen));
  drawSelection();
}

function drawSelection() {
  const range = state.selection, button = $("#again");
  const text = range && (range[0] === range[1] ? `bar ${range[0]}` : `bars ${range[0]}–${range[1]}`);
  button.textContent = range ? `Regenerate ${text}` : "Regenerate bars";
  button.disabled = !range || !shown?.here || Boolean(running);
  $("#edit-hint").hidden = Boolean(range);
  result.drawRange(range && shown ? [(range[0] - 1) * shown.bar, Math.min(range[1] * shown.bar, shown.duration)] : null);
  if (player.loop) setLoop(true);
}

function drawDrums() {
  const box = $("#drums"), { drums } = state, end = S.seconds();
  $("#pattern").value = drums?.kind === "pattern" ? drums.name : "";
  $("#repeat-box").hidden = drums?.kind !== "file";
  $("#repeat").checked = Boolean(drums?.loop);
  const names = { pattern: "pattern", file: drums?.name, codes: "drums of the take" };
  const length = drums?.loop ? Math.max(Math.round(drums.duration / bar()), 1) * bar() : 0;
  const onsets = [];
  for (let start = 0; drums?.onsets && start < end; start += length || end) {
    onsets.push(...drums.onsets.map((at) => at + start).filter((at) => at < end && (!length || at < start + length)));
  }
  const lines = Array.from({ length: S.totalBeats() }, (_, k) =>
    h(k % S.beats() ? "i.beat" : "i.barline", { style: { left: `${k * lane.beatWidth}px` } }));
  box.replaceChildren(...lines, ...onsets.map((at) =>
    h("i.tick", { style: { left: `${(at / S.beatSeconds()) * lane.beatWidth}px` } })));
  if (!drums) box.append(h("span.hint", {}, "Drop a loop, a song or a MIDI pattern here"));
  else if (drums.kind !== "pattern") box.append(h("span.label", {}, names[drums.kind]));
  box.setAttribute("aria-label", drums ? `Drums: ${drums.name ?? names[drums.kind]}, ${onsets.length} strokes` : "No drums");
}

const bar = () => S.beats() * S.beatSeconds();

// Onsets of a pattern follow tempo, metre and length.
let patternOf = "";
const refreshPattern = guarded(async () => {
  const { drums, bpm, metre } = state;
  if (drums?.kind !== "pattern") { patternOf = ""; return; }
  const wanted = JSON.stringify([drums.name, bpm, metre, state.bars]);
  if (wanted === patternOf) return;
  patternOf = wanted;
  const { onsets } = await api.ask("pattern", { name: drums.name, bpm, metre, duration: Math.min(S.seconds(), 600) });
  S.change((s) => { if (s.drums?.name === drums.name) s.drums.onsets = onsets; }, { undo: false });
});

// --- requests ------------------------------------------------------------------------------------

function guidance() {
  const { preset, weights } = state.guidance, own = facts.model.guidance;
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

const request = () => ({
  text: state.text, chords: S.chordText(), bpm: state.bpm, metre: state.metre, bars: state.bars,
  drums: drumsOf(state.drums), melody: state.melody.length ? state.melody : null,
  seed: Number(state.seed), steps: state.steps, best_of: state.bestOf, guidance: guidance(),
  adapter: facts.adapters.includes(state.adapter.name) ? state.adapter : null,
});

const isAsked = (page) => page.text?.trim() || page.chords || page.drums || page.melody;

// --- generation ----------------------------------------------------------------------------------

function nextSeed() {
  if (!state.locked) S.change((s) => { s.seed = Math.floor(Math.random() * 2 ** 31); }, { undo: false });
}

const make = guarded(async (edit = null, compared = null) => {
  if (running) return;
  const page = { ...request(), ...(edit?.request ?? {}) };
  if (!edit && !isAsked(page)) throw new Error("Say what to play: describe it, type a chord, or choose drums.");
  page.stream = !edit && state.stream && page.best_of < 2 && S.seconds() > facts.model.segment;
  const made = { page: compared ?? { ...page, stream: false }, desk: S.snapshot(), kind: edit?.kind ?? "take", notes: [] };
  audition.stop();
  audio();
  running = new AbortController();
  progress({ text: "Waiting for the model…" });
  if (page.stream) {
    player.beginStream();
    other = null;
    shown = { ...made, id: null, here: false, name: nameOf(page), seed: page.seed, duration: S.seconds(), bar: bar(), loudness: null };
    $("#result").hidden = false;
  }
  drawTake();
  try {
    for await (const event of api.call("generate", page, running.signal)) {
      if (event.event === "step") progress(event);
      if (event.event === "note") made.notes.push(event.text);
      if (event.event === "sound") player.feed(Uint8Array.from(atob(event.data), (c) => c.charCodeAt(0)));
      if (event.event === "take") { player.feed(new Uint8Array(), true); await arrive(event, made); }
    }
    nextSeed();
  } finally {
    running = null;
    if (shown && !shown.id) { player.halt(); shown = null; $("#result").hidden = true; }
    progress(null);
    drawTake();
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

const nameOf = (page) => page.text?.trim() || page.chords || "Take";

async function arrive(event, made) {
  const { report, event: _, ...facts_ } = event, { page } = made;
  const size = Number(page.metre.split("/")[0]);
  const take = {
    ...facts_, ...made, here: true, starred: false, made: Date.now(),
    bar: (size * 60) / page.bpm, name: nameOf(page),
  };
  takes.unshift(take);
  if (report) { reports.set(take.id, report); take.words = report.words; }
  S.keepTakes();
  await show(take, { play: !player.stream });
}

// --- result --------------------------------------------------------------------------------------

async function bufferOf(take) {
  if (!buffers.has(take.id)) {
    const data = await (await fetch(api.fileOf(take.id))).arrayBuffer();
    buffers.set(take.id, await audio().decodeAudioData(data));
    if (buffers.size > 6) buffers.delete(buffers.keys().next().value);
  }
  return buffers.get(take.id);
}

const show = guarded(async (take, { play = false } = {}) => {
  shown = take;
  heard = "a";
  if (other?.id === take.id) other = null;
  $("#result").hidden = false;
  drawTakes();
  const buffer = take.here ? await bufferOf(take) : null;
  if (!player.stream) {
    if (buffer) { player.halt(); player.offset = 0; player.set(buffer, level(take)); }
    setLoop(false);
    if (play && buffer) player.play();
  } else player.buffer = buffer;
  drawTake();
  if (take.here && !reports.has(take.id)) compare(take);
});

function drawTake() {
  if (!shown) return;
  $("#result-facts").textContent = [shown.name.slice(0, 90), result.describe(shown),
    shown.seconds ? `made in ${shown.seconds.toFixed(1)} s` : ""].filter(Boolean).join(" · ");
  const report = reports.get(shown.id) ?? (shown.words ? { words: shown.words } : null);
  result.drawResult(shown, report, buffers.get(shown.id));
  const link = $("#download"), name = `${slug(shown.name)}-${shown.seed}.${shown.page.stream ? "wav" : "flac"}`;
  link.hidden = $("#session").hidden = $("#keep").hidden = !shown.here;
  $("#play").disabled = !shown.here && !player.stream;
  link.href = api.fileOf(shown.id, name);
  $("#keep").setAttribute("aria-pressed", String(shown.starred));
  $("#keep").textContent = shown.starred ? "★ Kept" : "☆ Keep";
  for (const id of ["extend", "vary"]) $(`#${id}`).disabled = !shown.here || Boolean(running);
  $("#make-loop").disabled = Boolean(running);
  $("#ab").hidden = !other;
  for (const side of ["a", "b"]) $(`#${side}`).setAttribute("aria-pressed", String(heard === side));
  drawSelection();
  tick();
}

const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 40) || "take";

// Compared takes play at the loudness of the softer one.
function level(take) {
  if (!other || take.loudness === null || other.loudness === null || shown.loudness === null) return 1;
  return decibels(Math.min(shown.loudness, other.loudness) - take.loudness);
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
  if (shown?.id === take.id) drawTake();
  drawTakes();
}

const listenTo = guarded(async (side) => {
  heard = side;
  const take = side === "a" ? shown : other;
  player.set(await bufferOf(take), level(take));
  if (!player.playing) player.play();
  drawTake();
});

function setLoop(on) {
  const [first, last] = state.selection ?? [1, Infinity];
  const range = shown && [(first - 1) * shown.bar, Math.min(last * shown.bar, shown.duration)];
  player.setLoop(on && range && range[1] > range[0] ? range : null);
  $("#loop").setAttribute("aria-pressed", String(Boolean(player.loop)));
}

function tick() {
  const at = player.position();
  $("#clock").textContent = `${time(at)} / ${time(player.stream ? player.duration : shown?.duration ?? 0)}`;
  $("#play").textContent = player.playing ? "❚❚" : "▶";
  $("#play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
  if (shown) result.drawHead(Math.min(at, shown.duration));
  if (player.playing && player.stream && shown && !running && at >= player.duration - 0.05) { player.halt(); player.offset = 0; }
  if (player.playing) requestAnimationFrame(tick);
}

function toggle() {
  if (player.playing) player.halt(); else player.play();
  tick();
}

// --- edits ---------------------------------------------------------------------------------------

const newSeed = () => Math.floor(Math.random() * 2 ** 31);

function regenerate() {
  const [first, last] = state.selection, whole = request();
  const chords = S.chordText(state.chords, first - 1, last);
  make({ kind: first === last ? `bar ${first}` : `bars ${first}–${last}`, request: {
    chords, drums: null, melody: null, seed: newSeed(), best_of: 1,
    edit: { kind: "edit", take: shown.id, bars: `${first}-${last}` },
  } }, whole);
}

function extend() {
  const whole = request(), bars = Math.round(shown.duration / shown.bar);
  make({ kind: "extended", request: {
    melody: null, seed: newSeed(), best_of: 1, edit: { kind: "continue", take: shown.id },
  } }, { ...whole, bars: bars + state.bars, melody: null,
    drums: whole.drums?.pattern && shown.page.drums?.pattern === whole.drums.pattern ? whole.drums : null,
    chords: [shown.page.chords, whole.chords].filter(Boolean).join(" | ") });
}

const vary = () => make({ kind: "variation", request: {
  seed: newSeed(), best_of: 1, drums: null, melody: null, edit: { kind: "vary", take: shown.id },
} }, request());

const makeLoop = () => make({ kind: "loop", request: { edit: { kind: "loop" } } });

// --- takes ---------------------------------------------------------------------------------------

function drawTakes() {
  $("#no-takes").hidden = takes.length > 0;
  $("#takes").replaceChildren(...takes.map((take) => h(`li.take${take.id === shown?.id ? ".shown" : ""}`, { draggable: true,
    ondragstart: (event) => event.dataTransfer.setData("application/x-jasco-take", take.id) },
    h("button.name", { onclick: () => show(take, { play: take.here }), "aria-current": String(take.id === shown?.id) },
      h("b", {}, `${take.starred ? "★ " : ""}${take.name.slice(0, 60)}`),
      h("span", {}, result.describe(take) + (take.here ? "" : ", recipe only"))),
    h("span.dots", { role: "img", "aria-label": scoresOf(take) }, ...Object.entries(take.words ?? {}).map(([name, { score }]) =>
      h("i", { title: `${name} ${score ?? "not scored"}`, style: { "--score": `${Math.round((score ?? 0) * 100)}%` } }))),
    h("span.row", {},
      h("button.quiet", { onclick: () => restore(take) }, take.here || !["take", "loop"].includes(take.kind) ? "Restore" : "Restore and make again"),
      take.here && shown && take.id !== shown.id && h("button.quiet", { "aria-pressed": String(other?.id === take.id),
        onclick: () => { other = other?.id === take.id ? null : take; drawTake(); drawTakes(); } }, "A/B"),
      h("button.quiet", { "aria-label": `Remove take, seed ${take.seed}`, onclick: () => remove(take) }, "✕")))));
}

const scoresOf = (take) => Object.entries(take.words ?? {}).map(([name, { line }]) => `${name} ${line}`).join("; ") || "not compared yet";

function remove(take) {
  takes.splice(takes.indexOf(take), 1);
  if (other === take) other = null;
  S.keepTakes();
  drawTakes();
  drawTake();
}

// Settings of an earlier take; drums whose file is gone are those of its recipe.
async function restore(take) {
  const desk = structuredClone(take.desk), { drums } = desk;
  if (drums?.kind === "file" && !(await api.ask("here", { ids: [drums.id] })).ids.length) {
    desk.drums = codesOf(take.recipe);
  }
  S.replaceState({ ...desk, seed: take.seed, locked: true, selection: null });
  say(`Settings of the take with seed ${take.seed} are restored, and its seed is locked.`);
  if (!take.here && take.kind === "take") make();
  if (!take.here && take.kind === "loop") makeLoop();
}

const codesOf = (recipe) => recipe?.conditions?.drums ? { kind: "codes", codes: recipe.conditions.drums } : null;

function restoreRecipe({ id, name, settings, recipe, loudness }) {
  const { sheet, text, seed, steps, guidance: weights, drums, song } = settings;
  const same = JSON.stringify(weights) === JSON.stringify(facts.model.guidance);
  S.replaceState({
    text, seed: seed ?? state.seed, locked: true, steps: steps === facts.model.steps ? null : steps,
    bpm: sheet.bpm, metre: sheet.metre, bars: sheet.bars, chords: sheet.chords, melody: sheet.melody ?? [],
    drums: drums ? { kind: "codes", codes: drums } : null,
    guidance: same ? { preset: "balanced", weights: {} } : { preset: "own", weights },
  });
  const size = Number(sheet.metre.split("/")[0]);
  const take = {
    id, name: text || name, seed, duration: recipe.duration, loudness, recipe, here: true, starred: false,
    page: { ...request(), stream: /\.wav$/.test(name) }, desk: S.snapshot(), kind: song ?? "take",
    bar: (size * 60) / sheet.bpm, made: Date.now(),
  };
  takes.unshift(take);
  S.keepTakes();
  say(`${name} is restored: its settings are on the desk.`);
  return show(take);
}

// --- files ---------------------------------------------------------------------------------------

const CHARTS = /\.(html?|irealb|musicxml|mxl|xml|abc|cho|crd|chopro|chordpro|pro|gp|gpx|gp[345]|jams|lab|json|txt|kar)$/i;

const take_ = {
  drums: (found) => S.change((s) => {
    s.drums = { kind: "file", id: found.id, name: found.name, onsets: found.onsets, duration: found.duration,
      loop: found.duration < S.seconds() - 0.1 };
  }),
  melody: (found) => {
    S.change((s) => {
      s.melody = found.melody;
      const end = Math.max(...found.melody.map(([, at, long]) => at + long));
      if (end > S.totalBeats()) s.bars = Math.min(256, Math.ceil(end / S.beats()));
    });
    if (found.notices.length) say(found.notices.join("; "));
  },
  chart: (found) => { lane.takeSheet(found.sheet); if (found.sheet.title) say(`${found.sheet.title}: ${found.sheet.bars} bars`); },
  take: restoreRecipe,
};
take_.song = take_.drums;

const give = guarded(async (kind, file, name = file.name) => {
  say(kind === "song" ? "Separating the drums of the song…" : `Reading ${name}…`);
  const found = await api.upload(kind, file, name, state.bpm);
  say("");
  await take_[kind](found);
});

function choose(kind, accept) {
  const input = $("#file");
  input.accept = accept;
  input.onchange = () => { if (input.files[0]) give(kind, input.files[0]); input.value = ""; };
  input.click();
}

const AUDIO = "audio/*,.flac,.ogg,.mp3,.wav", MIDI = ".mid,.midi";

function dropped(event) {
  event.preventDefault();
  $("#drop").hidden = true;
  const id = event.dataTransfer.getData("application/x-jasco-take");
  if (id) return restore(takes.find((take) => take.id === id));
  const file = event.dataTransfer.files[0];
  if (!file) return;
  const on = event.target.closest?.("#drums, #roll-box, #chords")?.id;
  const midi = /\.midi?$/i.test(file.name);
  if (on === "drums") return give("drums", file);
  if (on === "roll-box") return give("melody", file);
  give(CHARTS.test(file.name) || midi ? "chart" : "take", file);
}

// --- microphone ----------------------------------------------------------------------------------

let recorder = null;
const hum = guarded(async () => {
  if (recorder) { recorder.stop(); return; }
  if (!navigator.mediaDevices) throw new Error("the browser gives no microphone to this page");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } })
    .catch(() => { throw new Error("the browser gives no microphone: allow it for this page"); });
  const parts = [];
  recorder = new MediaRecorder(stream);
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.onstop = guarded(async () => {
    recorder = null;
    audition.stop();
    $("#hum").setAttribute("aria-pressed", "false");
    $("#hum").textContent = "● Hum";
    for (const track of stream.getTracks()) track.stop();
    await give("melody", await toWav(new Blob(parts)), "hum.wav");
  });
  recorder.start();
  $("#hum").setAttribute("aria-pressed", "true");
  $("#hum").textContent = "■ Stop";
  if ($("#metronome").checked) hear({ quiet: true });
});

// --- audition ------------------------------------------------------------------------------------

function hear({ quiet = false } = {}) {
  const head = $("#beat"), stop = () => { head.hidden = true; $("#audition").textContent = "▶ Audition"; };
  if (audition.playing) { audition.stop(); return stop(); }
  player.halt();
  audition.start({
    segments: quiet ? [] : S.segments(), melody: quiet ? [] : state.melody, voicings: facts.voicings,
    beat: S.beatSeconds(), beats: S.beats(), total: S.totalBeats(),
    from: state.selection && !quiet ? (state.selection[0] - 1) * S.beats() : 0,
    metronome: $("#metronome").checked, onend: stop,
    onbeat: (position) => { head.hidden = false; head.style.transform = `translateX(${position * lane.beatWidth}px)`; },
  });
  $("#audition").textContent = "■ Stop";
}

lane.preview.chord = (name, keys = facts?.voicings[name]) => { if (keys?.length && !audition.playing) audition.once(keys); };

// --- wiring --------------------------------------------------------------------------------------

const on = (id, type, work) => $(`#${id}`).addEventListener(type, work);
const number = (id, low, high, otherwise) => {
  const value = Number($(`#${id}`).value);
  return $(`#${id}`).value === "" || Number.isNaN(value) ? otherwise : Math.max(low, Math.min(high, value));
};
const set = (edit) => S.change(edit);

function wire() {
  on("text", "input", () => S.change((s) => { s.text = $("#text").value; }, { undo: false, what: "text" }));
  on("bpm", "change", () => set((s) => { s.bpm = number("bpm", 20, 300, s.bpm); }));
  on("metre", "change", () => S.setMetre($("#metre").value));
  on("bars", "change", () => set((s) => { s.bars = Math.round(number("bars", 1, 256, s.bars)); s.selection = null; }));
  on("seed", "change", () => set((s) => { s.seed = Math.round(number("seed", 0, 2 ** 53 - 1, s.seed)); s.locked = true; }));
  on("steps", "change", () => set((s) => { s.steps = number("steps", 1, 200, null); }));
  on("best", "change", () => set((s) => { s.bestOf = Math.round(number("best", 1, 16, 1)); }));
  on("stream", "change", () => set((s) => { s.stream = $("#stream").checked; }));
  on("adapter", "change", () => set((s) => { s.adapter = { ...s.adapter, name: $("#adapter").value }; }));
  on("scale", "input", () => { $("#scale-value").textContent = Number($("#scale").value).toFixed(2); });
  on("scale", "change", () => set((s) => { s.adapter = { ...s.adapter, scale: number("scale", 0, 1.5, 1) }; }));
  on("dice", "click", () => set((s) => { s.seed = newSeed(); s.locked = true; }));
  on("lock", "click", () => set((s) => { s.locked = !s.locked; }));
  for (const radio of document.querySelectorAll("[name=preset]")) {
    radio.addEventListener("change", () => set((s) => { s.guidance.preset = radio.value; }));
  }
  on("written", "change", () => lane.readText($("#written").value));
  on("written", "keydown", (event) => { if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); lane.readText($("#written").value); } });
  on("up", "click", () => S.transpose(1));
  on("down", "click", () => S.transpose(-1));
  on("copy", "click", copy);
  on("paste", "click", () => S.pasteBars());
  on("fill", "click", () => S.pasteBars({ fill: true }));
  on("undo", "click", () => S.undo());
  on("clear-chords", "click", () => set((s) => { s.chords = []; }));
  on("clear-drums", "click", () => set((s) => { s.drums = null; }));
  on("clear-melody", "click", () => { roll.open(false); set((s) => { s.melody = []; }); });
  on("pattern", "change", () => set((s) => { s.drums = $("#pattern").value ? { kind: "pattern", name: $("#pattern").value, onsets: [] } : null; }));
  on("repeat", "change", () => set((s) => { s.drums.loop = $("#repeat").checked; }));
  on("open-chart", "click", () => choose("chart", ""));
  on("open-drums", "click", () => choose("drums", `${AUDIO},${MIDI}`));
  on("open-song", "click", () => choose("song", AUDIO));
  on("open-melody", "click", () => choose("melody", `${MIDI},${AUDIO}`));
  on("draw", "click", () => { roll.open(!roll.isOpen); drawDesk(); });
  on("hum", "click", hum);
  on("audition", "click", () => hear());
  on("generate", "click", () => make());
  on("cancel", "click", () => { running?.abort(); player.halt(); say("Cancelled: the work has stopped."); });
  on("play", "click", toggle);
  on("loop", "click", () => setLoop(!player.loop));
  on("a", "click", () => listenTo("a"));
  on("b", "click", () => listenTo("b"));
  on("keep", "click", () => { shown.starred = !shown.starred; S.keepTakes(); drawTake(); drawTakes(); });
  on("session", "click", guarded(async () => {
    const { id, name } = await api.session(shown.id, `${slug(shown.name)}-${shown.seed}`);
    h("a", { href: api.fileOf(id, name), download: name }).click();
  }));
  on("again", "click", regenerate);
  on("extend", "click", extend);
  on("vary", "click", vary);
  on("make-loop", "click", makeLoop);
  on("dismiss", "click", () => say(""));
  on("theme", "click", theme);
  on("model", "change", chooseModel);
  addEventListener("keydown", shortcut);
  addEventListener("resize", () => { drawDesk(); drawTake(); });
  addEventListener("dragover", (event) => { event.preventDefault(); $("#drop").hidden = false; });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("#drop").hidden = true; });
  addEventListener("drop", dropped);
  player.onstop = tick;
  player.onstart = tick;
  S.listen((what) => { if (what === "all") { drawDesk(); refreshPattern(); } });
  lane.begin();
  roll.begin();
  result.begin({
    onseek: (position) => { player.seek(position); tick(); },
    onrange: (range) => S.change((s) => { s.selection = range; }, { undo: false }),
  });
}

function copy() {
  const count = S.copyBars();
  say(`${count} ${count === 1 ? "bar is" : "bars are"} copied.`);
}

function shortcut(event) {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const command = event.ctrlKey || event.metaKey, key = event.key.toLowerCase();
  if (command && key === "enter") { event.preventDefault(); make(); return; }
  if (event.key === "Escape" && running) { $("#cancel").click(); return; }
  if (typing) return;
  if (command && key === "z") { event.preventDefault(); S.undo(!event.shiftKey); }
  else if (command && key === "c" && !getSelection().toString()) copy();
  else if (command && key === "v") S.pasteBars();
  else if (event.key === " " && event.shiftKey) { event.preventDefault(); hear(); }
  else if (event.key === " " && !event.target.closest("button, a, summary")) { event.preventDefault(); if (shown) toggle(); }
  else if (event.key === "Escape" && state.selection) S.change((s) => { s.selection = null; }, { undo: false });
}

function theme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("jasco-studio-theme", next);
}

const chooseModel = guarded(async () => {
  const name = $("#model").value;
  try {
    for await (const event of api.call("model", { name })) {
      if (event.event === "loading") say(`Loading ${name}${event.bytes ? `: ${(event.bytes / 1e6).toFixed(0)} MB here` : "…"}`);
      if (event.event === "model") { facts.model = event; say(`${name} is ready: ${event.controls.join(", ")}`); }
    }
  } finally {
    $("#model").value = facts.model.name;
    drawWeights();
    drawDesk();
  }
});

function drawWeights() {
  const names = ["all", ...facts.model.controls];
  $("#weights").replaceChildren(...names.map((name) => {
    const value = state.guidance.weights[name] ?? facts.model.guidance[name] ?? 0;
    const shown_ = h("output", {}, value.toFixed(1));
    return h("label.weight", {}, h("span", {}, name), h("input", {
      type: "range", min: "0", max: "6", step: "0.1", value: String(value),
      oninput: (event) => { shown_.textContent = Number(event.target.value).toFixed(1); },
      onchange: (event) => S.change((s) => { s.guidance.weights[name] = Number(event.target.value); }),
    }), shown_);
  }));
}

async function begin() {
  const chosen = localStorage.getItem("jasco-studio-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
  S.load();
  wire();
  drawDesk();
  drawTakes();
  facts = await api.facts();
  $("#pattern").append(...facts.patterns.map((name) => h("option", {}, name)));
  $("#model").replaceChildren(...facts.models.map((name) => h("option", {}, name)));
  $("#model").value = facts.model.name;
  $("#adapter").append(...facts.adapters.map((name) => h("option", {}, name)));
  $("#adapter-box").hidden = !facts.adapters.length;
  drawWeights();
  const { ids } = await api.ask("here", { ids: takes.map((take) => take.id) });
  for (const take of takes) take.here = ids.includes(take.id);
  drawDesk();
  drawTakes();
  refreshPattern();
  document.body.classList.add("ready");
}

guarded(begin)();
