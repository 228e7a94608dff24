// Sound in the browser: a synth for chords and melody with a metronome, and the player of takes.

let context;
export function audio() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
  return context;
}

export const decibels = (gain) => 10 ** (gain / 20);

function tone(out, key, start, length, { type = "triangle", level = 0.12 } = {}) {
  const oscillator = new OscillatorNode(context, { type, frequency: 440 * 2 ** ((key - 69) / 12) });
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(level, start + 0.015);
  gain.gain.exponentialRampToValueAtTime(level * 0.35, start + Math.max(length * 0.8, 0.05));
  gain.gain.linearRampToValueAtTime(0, start + length);
  oscillator.connect(gain).connect(out);
  oscillator.start(start);
  oscillator.stop(start + length + 0.02);
}

let noise;
function stroke(out, start) {
  if (!noise) {
    noise = new AudioBuffer({ length: 4800, sampleRate: 48000 });
    noise.getChannelData(0).forEach((_, k, data) => { data[k] = (Math.random() * 2 - 1) * Math.exp(-k / 700); });
  }
  const source = new AudioBufferSourceNode(context, { buffer: noise });
  source.connect(new GainNode(context, { gain: 0.22 })).connect(out);
  source.start(start);
}

// Chords, melody, strokes of drums and clicks, at beats; `onbeat` is called with the beat that sounds.
export class Audition {
  playing = false;

  start({ segments, melody, drums, voicings, beat, beats, from, until, metronome, onbeat, onend }) {
    this.stop();
    const now = audio().currentTime + 0.06;
    this.out = new GainNode(context, { gain: 0.9 });
    this.out.connect(context.destination);
    const at = (position) => now + (position - from) * beat;
    for (const { at: onset, end, name } of segments) {
      if (end <= from || onset >= until) continue;
      const start = at(Math.max(onset, from)), length = (Math.min(end, until) - Math.max(onset, from)) * beat - 0.03;
      (voicings[name] ?? []).forEach((key, k) => tone(this.out, key, start, length, { level: k ? 0.07 : 0.13 }));
    }
    for (const [key, onset, long] of melody) {
      if (onset >= from && onset < until) tone(this.out, key, at(onset), Math.max(long * beat - 0.02, 0.06), { type: "sine", level: 0.16 });
    }
    for (const onset of drums) if (onset >= from && onset < until) stroke(this.out, at(onset));
    for (let click = Math.ceil(from); metronome && click < until; click++) {
      tone(this.out, click % beats ? 84 : 96, at(click), 0.045, { type: "square", level: 0.05 });
    }
    this.playing = true;
    const follow = () => {
      if (!this.playing) return;
      const position = from + (context.currentTime - now) / beat;
      if (position >= until) { this.stop(); onend?.(); return; }
      onbeat?.(Math.max(position, from));
      requestAnimationFrame(follow);
    };
    follow();
  }

  once(keys) {
    audio();
    const out = new GainNode(context, { gain: 0.9 });
    out.connect(context.destination);
    keys.forEach((key, k) => tone(out, key, context.currentTime + 0.01, 0.7, { level: k ? 0.07 : 0.13 }));
  }

  stop() {
    this.playing = false;
    this.out?.disconnect();
    this.out = null;
  }
}

// Player of one buffer or of a wav that is still arriving; positions in seconds.
export class Player {
  constructor() { this.sources = []; this.offset = 0; this.loop = null; this.gain = 1; this.playing = false; }

  set(buffer, gain = 1) {
    const was = this.position(), playing = this.playing;
    this.halt();
    this.buffer = buffer;
    this.gain = gain;
    this.offset = Math.min(was, buffer.duration);
    if (playing) this.play();
  }

  get duration() { return this.stream ? this.stream.length : this.buffer?.duration ?? 0; }

  position() {
    if (!this.playing) return this.offset;
    const passed = this.offset + context.currentTime - this.started;
    if (!this.loop || this.stream) return Math.max(Math.min(passed, this.duration), 0);
    const [start, end] = this.loop;
    return passed < end ? passed : start + ((passed - start) % (end - start));
  }

  play() {
    if (!this.buffer) return;
    audio();
    if (this.offset >= this.buffer.duration - 0.02) this.offset = this.loop?.[0] ?? 0;
    const source = this.source(this.buffer);
    if (this.loop) {
      [source.loopStart, source.loopEnd] = this.loop;
      source.loop = true;
      if (this.offset >= this.loop[1] || this.offset < this.loop[0]) this.offset = this.loop[0];
    } else source.onended = () => { if (this.sources.includes(source)) { this.halt(); this.offset = 0; this.onstop?.(); } };
    this.started = context.currentTime;
    source.start(0, this.offset);
    this.playing = true;
  }

  source(buffer) {
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(new GainNode(context, { gain: this.gain })).connect(context.destination);
    this.sources.push(source);
    return source;
  }

  halt() {
    this.offset = this.position();
    const sources = this.sources;
    this.sources = [];
    for (const source of sources) { source.onended = null; try { source.stop(); } catch { /* not begun */ } }
    this.playing = false;
    this.stream = null;
  }

  seek(position) {
    const playing = this.playing && !this.stream;
    this.halt();
    this.offset = Math.max(0, Math.min(position, this.buffer?.duration ?? 0));
    if (playing) this.play();
  }

  setLoop(range) {
    const playing = this.playing && !this.stream;
    if (playing) this.halt();
    this.loop = range;
    if (playing) this.play();
  }

  // --- streams -------------------------------------------------------------------------------

  beginStream() {
    audio();
    this.halt();
    this.offset = 0;
    this.stream = { bytes: new Uint8Array(), length: 0, at: 0 };
  }

  // Bytes that follow in the wav file; each whole part of it is queued behind the one before.
  feed(bytes, last = false) {
    const stream = this.stream;
    if (!stream) return;
    const joined = new Uint8Array(stream.bytes.length + bytes.length);
    joined.set(stream.bytes);
    joined.set(bytes, stream.bytes.length);
    stream.bytes = joined;
    if (!stream.format && !readHeader(stream)) return;
    const { channels, rate, width } = stream.format, frame = channels * width;
    const frames = Math.floor(stream.bytes.length / frame);
    if (frames < (last ? 1 : rate / 5)) return;
    const view = new DataView(stream.bytes.buffer, 0, frames * frame);
    const buffer = new AudioBuffer({ length: frames, numberOfChannels: channels, sampleRate: rate });
    for (let c = 0; c < channels; c++) {
      const data = buffer.getChannelData(c);
      for (let i = 0; i < frames; i++) data[i] = sample(view, i * frame + c * width, width);
    }
    stream.bytes = stream.bytes.slice(frames * frame);
    const source = this.source(buffer), now = context.currentTime + 0.05;
    if (!this.playing) { this.started = now; stream.at = now; this.playing = true; this.onstart?.(); }
    const late = now - stream.at;  // the network was slower than the music: wait for it
    if (late > 0) { stream.at = now; this.started += late; }
    source.start(stream.at);
    stream.at += buffer.duration;
    stream.length += buffer.duration;
  }
}

function sample(view, at, width) {
  if (width === 2) return view.getInt16(at, true) / 32768;
  return (view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getInt8(at + 2) << 16)) / 8388608;
}

function readHeader(stream) {
  const { bytes } = stream, view = new DataView(bytes.buffer);
  let at = 12, format;
  while (at + 8 <= bytes.length) {
    const name = String.fromCharCode(...bytes.slice(at, at + 4)), size = view.getUint32(at + 4, true);
    if (name === "fmt " && at + 24 <= bytes.length) {
      format = {
        channels: view.getUint16(at + 10, true), rate: view.getUint32(at + 12, true),
        width: view.getUint16(at + 22, true) / 8,
      };
    }
    if (name === "data") { stream.format = format; stream.bytes = bytes.slice(at + 8); return true; }
    at += 8 + size + (size % 2);
  }
  return false;
}
