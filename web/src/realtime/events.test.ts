import { describe, expect, it } from "vitest";
import { parseServerEvent } from "./events";

const parse = (value: unknown) => parseServerEvent(JSON.stringify(value));

describe("parseServerEvent", () => {
  it("keeps a known event whole, with fields it does not name", () => {
    const event = {
      type: "input_audio_buffer.speech_started",
      event_id: "event_1",
      item_id: "item_1",
      audio_start_ms: 40,
    };
    expect(parse(event)).toEqual(event);
  });

  it.each([
    ["an unknown type", { type: "rate_limits.updated" }],
    ["a type that is a property of every object", { type: "constructor" }],
    ["a missing field", { type: "input_audio_buffer.speech_started" }],
    ["a field of the wrong type", { type: "sottovoce.session.state", state: "dozing" }],
    ["no object", ["error"]],
    ["null", null],
  ])("ignores %s", (_, value) => expect(parse(value)).toBeNull());

  it("ignores what is no JSON", () => expect(parseServerEvent("{")).toBeNull());

  it("takes latency legs that are unknown as null, but not as absent", () => {
    const legs = {
      vad: 90,
      stt_final: null,
      end_of_turn: null,
      llm_first_token: 3,
      tts_first_audio: 8,
      delivery: 20,
    };
    const engines = { stt: null, llm: "rules", tts: "espeak-ng" };
    const event = {
      type: "sottovoce.turn.metrics",
      item_id: "item_1",
      response_id: "resp_1",
      engines,
      fallbacks: [
        { engine: "tts", model: "espeak-ng", instead_of: "kokoro", reason: null, is_coming: false },
      ],
    };
    expect(parse({ ...event, latency_ms: { ...legs, voice_to_voice: 410 } })).not.toBeNull();
    expect(parse({ ...event, latency_ms: legs })).toBeNull();
  });

  it("takes the engines of a response only whole", () => {
    const event = {
      type: "sottovoce.response.engines",
      response_id: "resp_1",
      item_id: "item_1",
      engines: { stt: null, llm: "rules", tts: null },
      fallbacks: [{ engine: "llm", model: "rules", instead_of: "qwen3-4b", reason: null, is_coming: true }],
    };
    expect(parse(event)).toEqual(event);
    expect(parse({ ...event, engines: { llm: "rules" } })).toBeNull();
    const [{ is_coming: _, ...unclear }] = event.fallbacks as [(typeof event.fallbacks)[0]];
    expect(parse({ ...event, fallbacks: [unclear] })).toBeNull();
  });

  it("reads optional item fields that are absent or null", () => {
    const item = {
      id: "item_1",
      type: "message",
      role: "user",
      content: [{ type: "input_audio", transcript: null }],
    };
    expect(parse({ type: "conversation.item.added", item })).not.toBeNull();
    expect(
      parse({ type: "conversation.item.added", item: { id: "item_1", type: "message" } }),
    ).not.toBeNull();
  });
});
