// Audition of the desk: chords, melody and drums on the synth, with the metronome.
import { $, on } from "./dom.js";
import * as S from "./state.js";
import * as lane from "./lane.js";
import { drumOnsets } from "./desk.js";
import { Audition } from "./sound.js";
import { player } from "./take.js";

const { state, visit } = S;
const audition = new Audition();

function stopped() {
  $("#beat").hidden = true;
  $("#audition").textContent = "▶ Audition";
}

export function halt() {
  audition.stop();
  stopped();
}

// Play from a beat to another with what is given of `segments`, `melody` and `drums`.
export function play(from, until, parts = {}, { onbeat = () => {}, metronome = $("#metronome").checked } = {}) {
  halt();
  player.halt();
  audition.start({
    segments: [], melody: [], drums: [], ...parts, voicings: visit.facts.voicings,
    beat: S.beatSeconds(), beats: S.beats(), from, until, metronome, onend: stopped,
    onbeat: (position) => {
      $("#beat").hidden = position < 0;
      $("#beat").style.transform = `translateX(${position * lane.beatWidth}px)`;
      onbeat(position);
    },
  });
  $("#audition").textContent = "■ Stop";
}

// The selected bars, or all.
export function hear() {
  if (audition.playing) return halt();
  if (!visit.facts) return;
  const [first, last] = state.selection ?? [1, state.bars];
  play((first - 1) * S.beats(), last * S.beats(), {
    segments: S.segments(), melody: state.melody, drums: drumOnsets().map((at) => at / S.beatSeconds()),
  });
}

export function begin() {
  on("audition", "click", hear);
  lane.preview.chord = (name, keys = visit.facts?.voicings[name]) => { if (keys?.length && !audition.playing) audition.once(keys); };
}
