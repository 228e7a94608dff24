// Melody by the microphone: a bar of clicks, then the recording in time with the metronome.
import { $, guarded, on } from "./dom.js";
import * as S from "./state.js";
import * as audition from "./audition.js";
import { audio } from "./sound.js";
import { give } from "./files.js";

let recorder = null;

function label(text, pressed) {
  $("#hum").textContent = text;
  $("#hum").setAttribute("aria-pressed", String(pressed));
}

const hum = guarded(async () => {
  if (recorder) { recorder.end(); return; }
  if (!navigator.mediaDevices) throw new Error("the browser gives no microphone to this page");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } })
    .catch(() => { throw new Error("the browser gives no microphone: allow it for this page"); });
  const parts = [], own = new MediaRecorder(stream);
  const left = () => {
    recorder = null;
    audition.halt();
    label("● Hum", false);
    for (const track of stream.getTracks()) track.stop();
  };
  own.ondataavailable = (event) => parts.push(event.data);
  own.onstop = guarded(async () => { left(); await give("melody", await toWav(new Blob(parts)), "hum.wav"); });
  recorder = { end: () => { if (own.state === "recording") own.stop(); else left(); } };
  const begin_ = () => { if (own.state === "inactive" && recorder) { own.start(); label("■ Stop", true); } };
  if (!$("#metronome").checked) return begin_();
  audition.play(-S.beats(), S.totalBeats(), {}, { onbeat: (position) => {
    if (position >= 0) begin_(); else label(`● ${Math.ceil(-position)}`, true);
  } });
});

// Mono wav (16 bits) of a recording.
async function toWav(blob) {
  const buffer = await audio().decodeAudioData(await blob.arrayBuffer());
  const samples = buffer.getChannelData(0), view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, word) => [...word].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + samples.length * 2, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, buffer.sampleRate, true); view.setUint32(28, buffer.sampleRate * 2, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true); text(36, "data");
  view.setUint32(40, samples.length * 2, true);
  samples.forEach((x, i) => view.setInt16(44 + i * 2, Math.max(-1, Math.min(1, x)) * 32767, true));
  return new Blob([view], { type: "audio/wav" });
}

export function begin() { on("hum", "click", hum); }
