// Talk to the server: short questions, uploads, and the queued functions of Gradio as event streams.

async function json(path, options) {
  const response = await fetch(path, options);
  const found = await response.json();
  if (found?.error) throw new Error(found.error);
  return found;
}

export const facts = () => json("studio/facts");
export const ask = (question, body) =>
  json(`studio/${question}`, { method: "POST", body: JSON.stringify(body) });
export const upload = (kind, blob, name, bpm) =>
  json(`studio/upload?${new URLSearchParams({ kind, name, bpm })}`, { method: "POST", body: blob });
export const session = (id, name) =>
  json(`studio/session/${id}?${new URLSearchParams({ name })}`, { method: "POST" });
export const fileOf = (id, name = "") =>
  `studio/file/${id}${name ? `?${new URLSearchParams({ name })}` : ""}`;

// Events of a queued function, one object each. Leaving the loop, or the signal, ends the work.
export async function* call(name, request, signal) {
  const joined = await fetch(`gradio_api/call/${name}`, {
    method: "POST", signal, headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ data: [request] }),
  });
  if (!joined.ok) throw new Error("the studio does not answer: is it still running?");
  const { event_id } = await joined.json();
  const stream = await fetch(`gradio_api/call/${name}/${event_id}`, { signal });
  const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", kind = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("event: ")) kind = line.slice(7);
        if (!line.startsWith("data: ")) continue;
        if (kind === "error") throw new Error("something went wrong in the studio: see its terminal");
        if (kind === "complete") return;
        if (kind !== "generating") continue;
        const [event] = JSON.parse(line.slice(6));
        if (event.event === "error") throw new Error(event.text);
        yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
