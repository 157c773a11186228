import {
  flag,
  type Guard,
  type Guarded,
  isRecord,
  listOf,
  maybe,
  number,
  oneOf,
  orNull,
  parseJson,
  shape,
  text,
} from "./guard";

const latency = shape({
  voice_to_voice: orNull(number),
  vad: orNull(number),
  stt_final: orNull(number),
  end_of_turn: orNull(number),
  llm_first_token: orNull(number),
  tts_first_audio: orNull(number),
  delivery: orNull(number),
});
export type LatencyMs = Guarded<typeof latency>;

const engineKind = oneOf("stt", "llm", "tts");
export type EngineKind = Guarded<typeof engineKind>;

const enginesUsed = shape({ stt: orNull(text), llm: orNull(text), tts: orNull(text) });
const fallback = shape({
  engine: engineKind,
  model: text,
  instead_of: text,
  reason: orNull(text),
  is_coming: flag,
});
/** A model that did a part of a turn `instead_of` the preferred one, which may only be loading (`is_coming`). */
export type Fallback = Guarded<typeof fallback>;
/** What a turn went through; null where it did not, as a typed one through a recogniser. */
export type Used = { engines: Guarded<typeof enginesUsed>; fallbacks: Fallback[] };

const sessionState = oneOf("idle", "listening", "thinking", "speaking");
export type SessionState = Guarded<typeof sessionState>;

const contentPart = shape({ type: text, text: maybe(text), transcript: maybe(text) });
const item = shape({
  id: text,
  type: text,
  role: maybe(text),
  content: maybe(listOf(contentPart)),
});

/** The server events that the page acts on; every other one is ignored. */
const guards = {
  "session.created": shape({ session: shape({ id: maybe(text) }) }),
  "input_audio_buffer.speech_started": shape({ item_id: text }),
  "input_audio_buffer.speech_stopped": shape({ item_id: text }),
  "conversation.item.added": shape({ item }),
  "conversation.item.input_audio_transcription.delta": shape({ item_id: text, delta: text }),
  "conversation.item.input_audio_transcription.completed": shape({ item_id: text, transcript: text }),
  "conversation.item.input_audio_transcription.failed": shape({
    item_id: text,
    error: shape({ message: maybe(text) }),
  }),
  "response.created": shape({ response: shape({ id: text }) }),
  "response.output_audio_transcript.delta": shape({ response_id: text, item_id: text, delta: text }),
  "response.output_text.delta": shape({ response_id: text, item_id: text, delta: text }),
  "response.output_audio.delta": shape({ response_id: text, item_id: text, delta: text }),
  "response.done": shape({
    response: shape({
      id: text,
      status: text,
      status_details: maybe(shape({ error: maybe(shape({ message: maybe(text) })) })),
    }),
  }),
  "output_audio_buffer.started": shape({ response_id: text }),
  "output_audio_buffer.stopped": shape({ response_id: text }),
  "output_audio_buffer.cleared": shape({ response_id: text }),
  error: shape({ error: shape({ message: text, code: maybe(text) }) }),
  "sottovoce.session.state": shape({ state: sessionState }),
  "sottovoce.turn.metrics": shape({
    item_id: text,
    response_id: text,
    latency_ms: latency,
    engines: enginesUsed,
    fallbacks: listOf(fallback),
  }),
  "sottovoce.response.engines": shape({
    response_id: text,
    item_id: text,
    engines: enginesUsed,
    fallbacks: listOf(fallback),
  }),
  "sottovoce.tool.called": shape({
    call_id: text,
    name: text,
    arguments: text,
    output: text,
    is_error: flag,
  }),
  "sottovoce.response.heard": shape({ response_id: text, item_id: text, heard: text, unheard: text }),
  "sottovoce.engine.failed": shape({ engine: engineKind, message: text, is_spoken: flag }),
  /** Whose microphone is heard in a room; null where nobody's is. */
  "sottovoce.room.speaker": shape({ participant_identity: orNull(text), is_you: flag }),
  /** The last event in a room, where no connection is closed with a reason. */
  "sottovoce.session.ended": shape({ code: number, reason: text }),
} satisfies Record<string, Guard<unknown>>;

type Guards = typeof guards;
export type ServerEventType = keyof Guards;
/** Discriminated by `type`. */
export type ServerEvent = {
  [T in ServerEventType]: { type: T } & Guarded<Guards[T]>;
}[ServerEventType];

const isKnownType = (type: unknown): type is ServerEventType =>
  typeof type === "string" && Object.hasOwn(guards, type);

const isServerEvent = (value: unknown): value is ServerEvent =>
  isRecord(value) && isKnownType(value.type) && guards[value.type](value);

/** Null for an event that is unknown, or that is not what its type promises. */
export function parseServerEvent(source: string): ServerEvent | null {
  const value = parseJson(source);
  return isServerEvent(value) ? value : null;
}

export type MessageItem = {
  id: string;
  type: "message";
  role: "user" | "assistant";
  content: [{ type: "input_text" | "output_text"; text: string }];
};

/** What the page sends. */
export type ClientEvent =
  | { type: "input_audio_buffer.append"; audio: string }
  | { type: "conversation.item.create"; item: MessageItem }
  | { type: "conversation.item.truncate"; item_id: string; content_index: 0; audio_end_ms: number }
  | { type: "response.create" }
  | { type: "response.cancel" }
  | { type: "output_audio_buffer.clear" };
