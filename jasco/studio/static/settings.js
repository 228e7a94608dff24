// Settings of the generation: model, adapter, seed, guidance, steps, best-of.
import { $, guarded, h, number, on, say } from "./dom.js";
import * as api from "./api.js";
import * as S from "./state.js";
import { newSeed } from "./request.js";

const { state, visit } = S;

export function draw() {
  for (const [id, value] of [["seed", state.seed], ["best", state.bestOf], ["steps", state.steps ?? ""]]) {
    if (document.activeElement !== $(`#${id}`)) $(`#${id}`).value = value;
  }
  $("#steps").placeholder = visit.facts?.model.steps ?? "";
  $("#lock").setAttribute("aria-pressed", String(state.locked));
  $("#stream").checked = state.stream;
  $("#adapter").value = visit.facts?.adapters.includes(state.adapter.name) ? state.adapter.name : "";
  $("#scale").value = state.adapter.scale;
  $("#scale-value").textContent = Number(state.adapter.scale).toFixed(2);
  const { preset } = state.guidance;
  $(`[name=preset][value=${preset}]`).checked = true;
  $("#weights").hidden = preset !== "own";
}

// Lists of what the server offers.
export function fill({ models, adapters, model }) {
  $("#model").replaceChildren(...models.map((name) => h("option", {}, name)));
  $("#model").value = model.name;
  $("#adapter").append(...adapters.map((name) => h("option", {}, name)));
  $("#adapter-box").hidden = !adapters.length;
  drawWeights();
}

function drawWeights() {
  const { model } = visit.facts;
  $("#weights").replaceChildren(...["all", ...model.controls].map((name) => {
    const value = state.guidance.weights[name] ?? model.guidance[name] ?? 0;
    const written = h("output", {}, value.toFixed(1));
    return h("label.weight", {}, h("span", {}, name), h("input", {
      type: "range", min: "0", max: "6", step: "0.1", value: String(value),
      oninput: (event) => { written.textContent = Number(event.target.value).toFixed(1); },
      onchange: (event) => S.change((s) => { s.guidance.weights[name] = Number(event.target.value); }),
    }), written);
  }));
}

const chooseModel = guarded(async () => {
  const name = $("#model").value;
  $("#model").disabled = true;
  try {
    for await (const event of api.call("model", { name })) {
      if (event.event === "loading") say(`Loading ${name}${event.bytes ? `: ${(event.bytes / 1e6).toFixed(0)} MB here` : "…"}`, "busy");
      if (event.event === "model") { visit.facts.model = event; say(`${name} is ready: ${event.controls.join(", ")}`); }
    }
  } finally {
    $("#model").disabled = false;
    $("#model").value = visit.facts.model.name;
    drawWeights();
    S.draw();
  }
});

export function begin() {
  on("seed", "change", () => S.change((s) => { s.seed = Math.round(number("seed", 0, 2 ** 53 - 1, s.seed)); s.locked = true; }));
  on("steps", "change", () => S.change((s) => { s.steps = number("steps", 1, 200, null); }));
  on("best", "change", () => S.change((s) => { s.bestOf = Math.round(number("best", 1, 16, 1)); }));
  on("stream", "change", () => S.change((s) => { s.stream = $("#stream").checked; }));
  on("adapter", "change", () => S.change((s) => { s.adapter = { ...s.adapter, name: $("#adapter").value }; }));
  on("scale", "input", () => { $("#scale-value").textContent = Number($("#scale").value).toFixed(2); });
  on("scale", "change", () => S.change((s) => { s.adapter = { ...s.adapter, scale: number("scale", 0, 1.5, 1) }; }));
  on("dice", "click", () => S.change((s) => { s.seed = newSeed(); s.locked = true; }));
  on("lock", "click", () => S.change((s) => { s.locked = !s.locked; }));
  on("model", "change", chooseModel);
  for (const radio of document.querySelectorAll("[name=preset]")) {
    radio.addEventListener("change", () => S.change((s) => { s.guidance.preset = radio.value; }));
  }
}
