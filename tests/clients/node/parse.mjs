// Reads server events from stdin, one a line, as agents-realtime does: which does its own schema not know?
import { createInterface } from "node:readline";

const folder = new URL("node_modules/@openai/agents-realtime/dist/", import.meta.url);
const { parseRealtimeEvent } = await import(new URL("openaiRealtimeEvents.mjs", folder));
const { OpenAIRealtimeBase } = await import(new URL("openaiRealtimeBase.mjs", folder));

class Transport extends OpenAIRealtimeBase {
  sendEvent() {}
}

const transport = new Transport({ apiKey: "ek_none" });
transport.on("error", () => {});
const unknown = new Set();
for await (const data of createInterface({ input: process.stdin })) {
  const parsed = parseRealtimeEvent({ data });
  if (parsed.isGeneric) unknown.add(JSON.parse(data).type);
  transport._onMessage({ data }); // throws where an item breaks its rules
}
console.log(JSON.stringify([...unknown]));
