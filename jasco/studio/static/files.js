// Files that are chosen or dropped: charts, drums, melodies and earlier takes.
import { $, guarded, on, say } from "./dom.js";
import * as api from "./api.js";
import * as S from "./state.js";
import * as lane from "./lane.js";
import { restore, restoreRecipe } from "./history.js";

const { state, takes } = S;
const CHARTS = /\.(html?|irealb|musicxml|mxl|xml|abc|cho|crd|chopro|chordpro|pro|gp|gpx|gp[345]|jams|lab|txt|kar|midi?)$/i;
const AUDIO = "audio/*,.flac,.ogg,.mp3,.wav", MIDI = ".mid,.midi";

const readDrums = (found) => S.change((s) => {
  s.drums = { kind: "file", id: found.id, name: found.name, onsets: found.onsets, duration: found.duration,
    loop: found.duration < S.seconds() - 0.1 };
});

function readMelody({ melody, notices }) {
  S.change((s) => {
    s.melody = melody;
    const end = Math.max(...melody.map(([, at, long]) => at + long));
    if (end > S.totalBeats()) s.bars = Math.min(256, Math.ceil(end / S.beats()));
  });
  if (notices.length) say(notices.join("; "));
}

function readChart({ sheet }) {
  lane.takeSheet(sheet);
  if (sheet.title) say([`${sheet.title}: ${sheet.bars} bars`, ...sheet.notices].join("; "));
}

const READERS = { drums: readDrums, song: readDrums, melody: readMelody, chart: readChart, take: restoreRecipe };

export const give = guarded(async (kind, file, name = file.name) => {
  say(`Reading ${name}…`, "busy");
  let found = await api.upload(kind, file, name, state.bpm);
  if (kind === "song") {
    for await (const event of api.call("separate", { song: found.id })) {
      if (event.event === "drums") found = event;
      else say(`Separating the drums: ${event.done} of ${event.total} s`, "busy");
    }
  }
  say("");
  await READERS[kind](found);
});

function choose(kind, accept) {
  const input = $("#file");
  input.accept = accept;
  input.onchange = () => { if (input.files[0]) give(kind, input.files[0]); input.value = ""; };
  input.click();
}

async function dropped(event) {
  event.preventDefault();
  $("#drop").hidden = true;
  const id = event.dataTransfer.getData("application/x-jasco-take");
  if (id) return restore(takes.find((take) => take.id === id));
  const [file] = event.dataTransfer.files;
  if (!file) {
    const text = event.dataTransfer.getData("text/uri-list") || event.dataTransfer.getData("text/plain");
    return text && event.target.closest?.("#desk") ? lane.readText(text) : null;
  }
  const lane_ = event.target.closest?.("#drums, #roll-box")?.id;
  if (lane_) return give(lane_ === "drums" ? "drums" : "melody", file);
  give(await isChart(file) ? "chart" : "take", file);
}

// JSON is a chart (JAMS) or the recipe of a take.
const isChart = async (file) => CHARTS.test(file.name)
  || (/\.json$/i.test(file.name) && (await file.slice(0, 1e6).text()).includes('"annotations"'));

export function begin() {
  on("open-chart", "click", () => choose("chart", ""));
  on("open-drums", "click", () => choose("drums", `${AUDIO},${MIDI}`));
  on("open-song", "click", () => choose("song", AUDIO));
  on("open-melody", "click", () => choose("melody", `${MIDI},${AUDIO}`));
  on("open-take", "click", () => choose("take", `${AUDIO},.json`));
  addEventListener("dragover", (event) => { event.preventDefault(); $("#drop").hidden = false; });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("#drop").hidden = true; });
  addEventListener("drop", dropped);
}
