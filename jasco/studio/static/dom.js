// Elements of the page, made from plain descriptions.

export const $ = (selector, root = document) => root.querySelector(selector);
export const on = (id, type, work) => $(`#${id}`).addEventListener(type, work);

// Value of a number field within a range, or another where it holds no number.
export function number(id, low, high, otherwise) {
  const { value } = $(`#${id}`);
  return value === "" || Number.isNaN(Number(value)) ? otherwise : Math.max(low, Math.min(high, Number(value)));
}

// h("button.small", { onclick, "aria-label": "Play" }, "text", child)
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [k, v] of Object.entries(value)) element.style.setProperty(k, v);
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Minutes and seconds. Blocks of a stream are a sample shorter at the rate of the browser: 24.999 s are 0:25.
export function time(s) {
  const whole = Math.floor(s + 0.01);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// Message in the live region at the foot of the page: notes go after a while, errors stay until they
// are read, and what is "busy" until the next message.
let gone;
export function say(text, kind = "note") {
  const box = $("#message");
  box.className = kind;
  $("#message-text").textContent = text;
  box.hidden = !text;
  clearTimeout(gone);
  if (kind === "note" && text) gone = setTimeout(() => { box.hidden = true; }, 8000);
}

export const guarded = (work) => async (...given) => {
  try { return await work(...given); } catch (error) {
    if (error.name !== "AbortError") say(error.message, "error");
  }
};

// Follow a pointer from its press: move(dx, dy, event) and at the end done(moved).
export function drag(event, move, done = () => {}) {
  const { clientX, clientY } = event, target = event.currentTarget;
  let moved = false;
  target.setPointerCapture(event.pointerId);
  const moving = (e) => {
    moved ||= Math.abs(e.clientX - clientX) + Math.abs(e.clientY - clientY) > 3;
    if (moved) move(e.clientX - clientX, e.clientY - clientY, e);
  };
  const end = (e) => {
    target.removeEventListener("pointermove", moving);
    target.removeEventListener("pointerup", end);
    target.removeEventListener("pointercancel", end);
    done(moved, e);
  };
  target.addEventListener("pointermove", moving);
  target.addEventListener("pointerup", end);
  target.addEventListener("pointercancel", end);
}
