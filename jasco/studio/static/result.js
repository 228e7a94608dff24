// Result: spectrogram, lanes as asked for and as extracted on the bars of the take, scores and transport.
import { $, drag, h, time } from "./dom.js";
import { fitting } from "./lane.js";
import { colour } from "./state.js";

const FFT = 2048, LOWEST = 45, NEAR = 0.05, SHORT = 0.15;
let scale = 60, shown = null;  // px per second, take

const px = (s) => `${s * scale}px`;

export function drawResult(take, report, buffer) {
  shown = take;
  const room = $("#result-box").clientWidth;
  scale = Math.max(room / take.duration, 24);
  const grid = $("#result-grid");
  grid.style.width = px(take.duration);
  drawBars(take);
  drawSpectrogram(buffer);
  drawLanes(take, report);
}

function drawBars(take) {
  const count = Math.round(take.duration / take.bar + 0.49);
  $("#result-ruler").replaceChildren(...Array.from({ length: count }, (_, k) =>
    h("span.bar", { style: { left: px(k * take.bar), width: px(Math.min(take.bar, take.duration - k * take.bar)) } }, String(k + 1))));
}

export function drawRange(range) {
  const mark = $("#result-range");
  mark.hidden = !range;
  if (range) Object.assign(mark.style, { left: px(range[0]), width: px(range[1] - range[0]) });
}

export function drawHead(position) { $("#head").style.transform = `translateX(${position * scale}px)`; }

// --- lanes ---------------------------------------------------------------------------------------

function drawLanes(take, report) {
  const lanes = report?.lanes ?? {};
  const rows = [];
  for (const [name, [asked, found]] of Object.entries(lanes)) {
    if (name === "chords") {
      rows.push(caption("Chords", "as asked for, and below as extracted"),
        row("Chords as asked for", chordCells(asked.chords)), row("Chords as extracted", chordCells(found.chords, asked.chords)));
    } else if (name === "drums") {
      rows.push(caption("Drums", "as asked for, and below as extracted"),
        row("Drums as asked for", ticks(asked.onsets, null), "ticks"), row("Drums as extracted", ticks(found.onsets, asked.onsets), "ticks"));
    } else if (name === "melody") {
      rows.push(caption("Melody", "bars as asked for, lines as extracted"), row("Melody as asked for and as extracted", melody(asked, found), "tune"));
    }
  }
  $("#result-lanes").replaceChildren(...rows);
  drawScores(report);
}

const row = (label, children, kind = "chords") =>
  h(`div.extracted.${kind}`, { role: "img", "aria-label": label }, ...children);

const caption = (name, text) => h("p.caption", {}, h("b", {}, name), ` ${text}`);

function chordCells(segments, asked = null) {
  return segments.filter(([start]) => start < shown.duration).map(([start, end, name]) => {
    const { mode, ...style } = colour(name);
    const middle = (start + end) / 2;
    const same = !asked || end - start < SHORT || asked.find(([s, e]) => middle >= s && middle < e)?.[2] === name;
    const width = (end - start) * scale, wide = width > name.length * 6 + 8;
    return h(`span.chord.${mode}${same ? "" : ".other"}`, {
      style: { left: px(start), width: px(end - start), ...style, ...fitting(name, width, 13) }, title: `${name} ${start.toFixed(1)} to ${end.toFixed(1)} s`,
    }, wide ? (name === "N" ? "N.C." : name) : "");
  });
}

const near = (time, others) => others.some((other) => Math.abs(other - time) <= NEAR);

function ticks(onsets, asked) {
  return onsets.map((at) => h(`i.tick${asked && !near(at, asked) ? ".other" : ""}`, { style: { left: px(at) } }));
}

function melody(asked, extracted) {
  const rate = 50, steady = (runs) => runs.filter(([start, end]) => end - start > 2);
  const found = steady(extracted.rows ?? octaveOf(extracted.pitch_classes ?? [], asked.rows ?? []));
  const all = [...(asked.rows ?? []), ...found].map((run) => run[2]);
  const low = Math.min(...all, 20) - 2, high = Math.max(...all, 32) + 2, height = 96;
  const top = (value) => `${((high - value) / (high - low)) * (height - 6)}px`;
  const at = (frame) => (asked.rows ?? []).find(([start, end]) => frame >= start && frame < end)?.[2];
  return [
    ...(asked.rows ?? []).map(([start, end, value]) => h("i.asked", { style: { left: px(start / rate), width: px((end - start) / rate), top: top(value) } })),
    ...found.map(([start, end, value]) => {
      const wanted = at((start + end) >> 1), right = wanted !== undefined && (wanted - value) % 12 === 0;
      return h(`i.sung${right ? "" : ".other"}`, { style: { left: px(start / rate), width: px((end - start) / rate), top: top(value) } });
    }),
  ];
}

// Pitch classes as rows near the melody that was asked for.
function octaveOf(runs, asked) {
  return runs.map(([start, end, value]) => {
    const wanted = asked.find(([s, e]) => start >= s && start < e)?.[2] ?? 24;
    return [start, end, wanted + ((((value - (wanted + 43)) % 12) + 18) % 12) - 6];
  });
}

function drawScores(report) {
  const names = { chords: "Chords", drums: "Drums", melody: "Melody" };
  const words = Object.entries(report?.words ?? {}).map(([name, { score, line }]) => h("li", {},
    h("b", {}, names[name] ?? name),
    h("span.meter", { "aria-hidden": "true" }, h("i", { style: { width: `${Math.round((score ?? 0) * 100)}%` } })),
    h("span", {}, line)));
  const missing = Object.entries(report?.missing ?? {}).map(([name, why]) =>
    h("li.missing", {}, h("b", {}, names[name] ?? name), h("span", {}, `not compared: ${why}`)));
  const notes = (shown.notes ?? []).map((line) => h("li.remark", {}, line));
  const wait = shown.id && !shown.here
    ? h("li.remark", {}, "The audio went with the program that made it; the recipe is still here.")
    : !report && shown.here && h("li.remark", {}, "Comparing the take with what was asked for…");
  $("#scores").replaceChildren(...[wait, ...words, ...missing, ...notes].filter(Boolean));
}

// --- spectrogram ---------------------------------------------------------------------------------

let cosines, sines, window_;
function tables() {
  cosines = Float32Array.from({ length: FFT / 2 }, (_, k) => Math.cos((-2 * Math.PI * k) / FFT));
  sines = Float32Array.from({ length: FFT / 2 }, (_, k) => Math.sin((-2 * Math.PI * k) / FFT));
  window_ = Float32Array.from({ length: FFT }, (_, k) => 0.5 - 0.5 * Math.cos((2 * Math.PI * k) / FFT));
}

function fft(re, im) {
  for (let i = 1, j = 0; i < FFT; i++) {
    let bit = FFT >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) { [re[i], re[j]] = [re[j], re[i]]; [im[i], im[j]] = [im[j], im[i]]; }
  }
  for (let size = 2; size <= FFT; size *= 2) {
    const half = size / 2, step = FFT / size;
    for (let start = 0; start < FFT; start += size) {
      for (let k = 0; k < half; k++) {
        const c = cosines[k * step], s = sines[k * step], a = start + k, b = a + half;
        const x = re[b] * c - im[b] * s, y = re[b] * s + im[b] * c;
        re[b] = re[a] - x; im[b] = im[a] - y; re[a] += x; im[a] += y;
      }
    }
  }
}

function drawSpectrogram(buffer) {
  const canvas = $("#spectrogram");
  canvas.width = Math.min(Math.round(shown.duration * scale), 1600);
  canvas.height = 96;
  const context = canvas.getContext("2d");
  context.fillStyle = "#0d0f14";
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (!buffer) return;
  if (!cosines) tables();
  const samples = buffer.getChannelData(0), { width, height } = canvas, image = context.createImageData(width, height);
  const top = Math.log(buffer.sampleRate / 2.2), low = Math.log(LOWEST);
  const edges = Array.from({ length: height + 1 }, (_, y) =>
    (Math.exp(low + ((top - low) * y) / height) * FFT) / buffer.sampleRate);
  const levels = new Float32Array(width * height), re = new Float32Array(FFT), im = new Float32Array(FFT);
  let peak = -200;
  for (let x = 0; x < width; x++) {
    const start = Math.round((x / width) * samples.length - FFT / 2);
    for (let k = 0; k < FFT; k++) { re[k] = (samples[start + k] ?? 0) * window_[k]; im[k] = 0; }
    fft(re, im);
    for (let y = 0; y < height; y++) {
      const first = Math.floor(edges[y]), last = Math.max(Math.ceil(edges[y + 1]), first + 1);
      let power = 0;
      for (let k = first; k < last; k++) power = Math.max(power, re[k] * re[k] + im[k] * im[k]);
      const level = 10 * Math.log10(power + 1e-12);
      levels[(height - 1 - y) * width + x] = level;
      peak = Math.max(peak, level);
    }
  }
  for (let k = 0; k < levels.length; k++) {
    const v = Math.max(0, Math.min(1, (levels[k] - peak + 70) / 70));
    const at = k * 4;
    image.data[at] = 13 + 242 * Math.min(1, v * 1.35) ** 1.4;
    image.data[at + 1] = 15 + 200 * v ** 2.2;
    image.data[at + 2] = 20 + 110 * Math.sin(Math.PI * Math.min(v * 1.1, 1)) + 90 * v ** 6;
    image.data[at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// A press on the result moves the playback there; a drag marks whole bars.
export function begin({ onseek, onrange }) {
  $("#result-grid").addEventListener("pointerdown", (event) => {
    if (event.button || !shown) return;
    const box = event.currentTarget.getBoundingClientRect();
    const place = (x) => Math.max(0, Math.min(shown.duration, (x - box.left) / scale));
    const from = place(event.clientX);
    const bars = (to) => [Math.floor(Math.min(from, to) / shown.bar) + 1, Math.floor(Math.max(from, to) / shown.bar) + 1];
    let range = null;
    drag(event, (dx, dy, e) => {
      range = bars(place(e.clientX));
      drawRange([(range[0] - 1) * shown.bar, Math.min(range[1] * shown.bar, shown.duration)]);
    }, (moved) => { if (moved && range) onrange(range); else onseek(from); });
  });
}

export const describe = (take) =>
  [take.kind && take.kind !== "take" ? take.kind : null, `seed ${take.seed}`, time(take.duration)].filter(Boolean).join(", ");
