import type { EngineKind, LatencyMs, ServerEvent, Used } from "../realtime/events";
import {
  type AssistantEntry,
  assistantEntry,
  type Conversation,
  type Entry,
  emptyConversation,
  userEntry,
  withEntry,
  withNotice,
  withoutEntry,
} from "./conversation";

/** What the page itself adds to the server's events. */
export type PageEvent =
  | { type: "page.typed"; id: string; text: string }
  | { type: "page.connected" }
  | { type: "page.disconnected" }
  | { type: "page.notice"; text: string; isProblem: boolean }
  | { type: "page.interrupted" }
  | { type: "page.cleared" };

export type ConversationEvent = ServerEvent | PageEvent;

const ENGINE_NAMES: Record<EngineKind, string> = {
  stt: "Speech recognition",
  llm: "The language model",
  tts: "The voice",
};

/** Cancelling what has just ended, and the like: the race is the user's gain, not an error to read about. */
const HARMLESS_ERRORS: ReadonlySet<string> = new Set([
  "response_cancel_not_active",
  "conversation_already_has_active_response",
]);

export function reduce(conversation: Conversation, event: ConversationEvent): Conversation {
  switch (event.type) {
    case "session.created":
    case "output_audio_buffer.stopped":
    case "output_audio_buffer.cleared":
    case "sottovoce.session.ended":
      return conversation;
    case "input_audio_buffer.speech_started":
      return withSpeech({ ...conversation, isHushed: true }, event.item_id);
    case "input_audio_buffer.speech_stopped":
      return { ...conversation, isHushed: false };
    case "conversation.item.added":
      return withItem(conversation, event.item);
    case "conversation.item.input_audio_transcription.delta":
      return withInterim(conversation, event.item_id, event.delta);
    case "conversation.item.input_audio_transcription.completed":
      return withFinal(conversation, event.item_id, event.transcript);
    case "conversation.item.input_audio_transcription.failed":
      return withNotice(withoutEntry(conversation, event.item_id), {
        text: event.error.message ?? "What you said could not be transcribed.",
        isProblem: true,
        engine: "stt",
      });
    case "response.created":
      return { ...conversation, isReplying: true };
    case "response.output_audio.delta":
    case "output_audio_buffer.started":
      return audible(conversation);
    case "response.output_audio_transcript.delta":
    case "response.output_text.delta":
      return withWords(conversation, event);
    case "response.done":
      return withDone(conversation, event.response);
    case "sottovoce.response.heard":
      return withHeard(conversation, event);
    case "sottovoce.session.state":
      return {
        ...conversation,
        activity: event.state,
        isHushed: event.state === "speaking" ? false : conversation.isHushed,
      };
    case "sottovoce.turn.metrics":
      return withMeasured(conversation, event.response_id, event.latency_ms, event);
    case "sottovoce.response.engines": {
      const { latency } = measuredOf(conversation, event.response_id);
      return withMeasured(conversation, event.response_id, latency, event);
    }
    case "sottovoce.tool.called":
      return withEntry(conversation, {
        kind: "tool",
        id: event.call_id,
        name: event.name,
        arguments: event.arguments,
        output: event.output,
        isError: event.is_error,
      });
    case "sottovoce.engine.failed":
      return withNotice(conversation, {
        text: `${ENGINE_NAMES[event.engine]} failed.`,
        detail: event.message,
        isProblem: true,
        engine: event.engine,
      });
    case "sottovoce.room.speaker":
      return withSpeaker(conversation, event);
    case "error":
      return HARMLESS_ERRORS.has(event.error.code ?? "")
        ? conversation
        : withNotice(conversation, { text: event.error.message, isProblem: true, engine: null });
    case "page.typed":
      return withTyped(conversation, event.id, event.text);
    case "page.connected":
      return { ...conversation, activity: "idle", isHushed: false, isReplying: false };
    case "page.disconnected":
      return withEverythingSettled(conversation);
    case "page.notice":
      return withNotice(conversation, { text: event.text, isProblem: event.isProblem, engine: null });
    case "page.interrupted":
      return { ...conversation, isHushed: true };
    case "page.cleared":
      return emptyConversation;
  }
}

/** The same object where nothing changes: sound arrives fifty times a second. */
const audible = (conversation: Conversation): Conversation =>
  conversation.isHushed ? { ...conversation, isHushed: false } : conversation;

type Of<T extends ServerEvent["type"]> = Extract<ServerEvent, { type: T }>;

function withSpeech(conversation: Conversation, id: string): Conversation {
  if (userEntry(conversation, id)) return conversation;
  return withEntry(conversation, { kind: "user", id, text: "", isFinal: false, isTyped: false });
}

function withItem(conversation: Conversation, item: Of<"conversation.item.added">["item"]): Conversation {
  if (item.type !== "message" || item.role !== "user") return conversation;
  const typed = item.content?.find(({ type }) => type === "input_text")?.text;
  return typed ? withTyped(conversation, item.id, typed) : withSpeech(conversation, item.id);
}

function withTyped(conversation: Conversation, id: string, text: string): Conversation {
  const known = conversation.entries.some((entry) => entry.id === id);
  return known
    ? conversation
    : withEntry(conversation, { kind: "user", id, text, isFinal: true, isTyped: true });
}

function withInterim(conversation: Conversation, id: string, delta: string): Conversation {
  const entry = userEntry(conversation, id);
  if (entry?.isFinal) return conversation; // a straggler: the final already stands
  return withEntry(conversation, {
    kind: "user",
    id,
    text: (entry?.text ?? "") + delta,
    isFinal: false,
    isTyped: false,
  });
}

/** A final text of nothing means that it was only noise. */
function withFinal(conversation: Conversation, id: string, text: string): Conversation {
  if (text.trim() === "") return { ...withoutEntry(conversation, id), isHushed: false };
  return withEntry(conversation, { kind: "user", id, text, isFinal: true, isTyped: false });
}

function withWords(
  conversation: Conversation,
  event: { response_id: string; item_id: string; delta: string },
): Conversation {
  const entry = assistantEntry(conversation, ({ id }) => id === event.item_id);
  const spoken = entry?.text ?? "";
  const next: AssistantEntry = {
    kind: "assistant",
    id: event.item_id,
    responseId: event.response_id,
    text: spoken + event.delta,
    spokenFrom: spoken.length,
    unheard: "",
    isDone: false,
    ...measuredOf(conversation, event.response_id),
  };
  return withEntry({ ...conversation, isHushed: false }, next);
}

function withHeard(conversation: Conversation, event: Of<"sottovoce.response.heard">): Conversation {
  const entry = assistantEntry(conversation, ({ id }) => id === event.item_id);
  if (!entry && event.heard.trim() === "") return conversation; // dropped before anybody knew of it
  return withEntry(conversation, {
    kind: "assistant",
    id: event.item_id,
    responseId: event.response_id,
    text: event.heard,
    spokenFrom: event.heard.length,
    unheard: event.unheard,
    isDone: true,
    ...measuredOf(conversation, event.response_id),
  });
}

function withDone(conversation: Conversation, response: Of<"response.done">["response"]): Conversation {
  const settled = withSettled(
    { ...conversation, isReplying: false },
    assistantEntry(conversation, ({ responseId }) => responseId === response.id),
  );
  if (response.status !== "failed") return settled;
  return withNotice(settled, {
    text: response.status_details?.error?.message ?? "The assistant could not answer.",
    isProblem: true,
    engine: null,
  });
}

function withSettled(conversation: Conversation, entry: AssistantEntry | undefined): Conversation {
  return entry
    ? withEntry(conversation, { ...entry, isDone: true, spokenFrom: entry.text.length })
    : conversation;
}

function withMeasured(
  conversation: Conversation,
  id: string,
  latency: LatencyMs | null,
  { engines, fallbacks }: Used,
): Conversation {
  const known = { latency, used: { engines, fallbacks } };
  const measured = { ...conversation, ...known, measuredId: id };
  const entry = assistantEntry(conversation, ({ responseId }) => responseId === id);
  return entry ? withEntry(measured, { ...entry, ...known }) : measured;
}

/** A turn is measured at its first sound, which is often before the page has its first words. */
function measuredOf(
  conversation: Conversation,
  responseId: string,
): Pick<AssistantEntry, "latency" | "used"> {
  const entry = assistantEntry(conversation, (candidate) => candidate.responseId === responseId);
  const { latency, used } = conversation.measuredId === responseId ? conversation : (entry ?? unmeasured);
  return { latency, used };
}

const unmeasured = { latency: null, used: null };

/** Said when it changes, and at the beginning only to who is not heard. */
function withSpeaker(conversation: Conversation, event: Of<"sottovoce.room.speaker">): Conversation {
  const isOutspoken = event.participant_identity !== null && !event.is_you;
  if (isOutspoken === conversation.isOutspoken) return conversation;
  const text = isOutspoken
    ? "Somebody else is heard in this room: your microphone waits until they leave. What you write is answered."
    : "It is your microphone that is heard now.";
  return withNotice({ ...conversation, isOutspoken }, { text, isProblem: false, engine: null });
}

/** After the connection is gone nothing can still be on its way. */
function withEverythingSettled(conversation: Conversation): Conversation {
  const entries = conversation.entries.flatMap((entry): Entry[] => {
    if (entry.kind === "user") return entry.text === "" ? [] : [{ ...entry, isFinal: true }];
    if (entry.kind === "assistant") return [{ ...entry, isDone: true, spokenFrom: entry.text.length }];
    return [entry];
  });
  const rest = { activity: "idle" as const, isHushed: false, isOutspoken: false, isReplying: false };
  return { ...conversation, entries, ...rest };
}
