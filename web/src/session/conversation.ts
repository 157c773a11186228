import type { EngineKind, LatencyMs, SessionState, Used } from "../realtime/events";

export type UserEntry = {
  kind: "user";
  id: string;
  text: string;
  isFinal: boolean;
  isTyped: boolean;
};

export type AssistantEntry = {
  kind: "assistant";
  id: string;
  responseId: string;
  /** What was spoken so far; after an interruption, what was heard. */
  text: string;
  /** Where in `text` the words begin that are being spoken now. */
  spokenFrom: number;
  /** What an interruption kept the user from hearing. */
  unheard: string;
  isDone: boolean;
  latency: LatencyMs | null;
  used: Used | null;
};

export type ToolEntry = {
  kind: "tool";
  id: string;
  name: string;
  arguments: string;
  output: string;
  isError: boolean;
};

export type NoticeEntry = {
  kind: "notice";
  id: string;
  text: string;
  /** The cause in the server's words, for who wants to look into it. */
  detail: string | null;
  isProblem: boolean;
  engine: EngineKind | null;
};

export type Entry = UserEntry | AssistantEntry | ToolEntry | NoticeEntry;

export type Conversation = {
  entries: readonly Entry[];
  activity: SessionState;
  /** The user began to speak over the assistant: the page is silent until the assistant goes on. */
  isHushed: boolean;
  /** Somebody else is in the room, and it is their microphone that is heard. */
  isOutspoken: boolean;
  /** A response was created and is not done. */
  isReplying: boolean;
  /** Both of the last turn that was told of, which `measuredId` answered; a typed one has no latency. */
  latency: LatencyMs | null;
  used: Used | null;
  measuredId: string | null;
  noticeCount: number;
};

export const emptyConversation: Conversation = {
  entries: [],
  activity: "idle",
  isHushed: false,
  isOutspoken: false,
  isReplying: false,
  latency: null,
  used: null,
  measuredId: null,
  noticeCount: 0,
};

/** Keeps a page that is left open for days from growing without end. */
export const MAX_ENTRIES = 500;

/** Puts `entry` in the place of the one with its id, or at the end. */
export function withEntry(conversation: Conversation, entry: Entry): Conversation {
  const index = conversation.entries.findIndex(({ id }) => id === entry.id);
  const entries =
    index === -1
      ? [...conversation.entries, entry].slice(-MAX_ENTRIES)
      : conversation.entries.with(index, entry);
  return { ...conversation, entries };
}

export function withoutEntry(conversation: Conversation, id: string): Conversation {
  return { ...conversation, entries: conversation.entries.filter((entry) => entry.id !== id) };
}

export function withNotice(
  conversation: Conversation,
  notice: Pick<NoticeEntry, "text" | "isProblem" | "engine"> & { detail?: string },
): Conversation {
  const noticeCount = conversation.noticeCount + 1;
  return withEntry(
    { ...conversation, noticeCount },
    { kind: "notice", id: `notice_${noticeCount}`, detail: null, ...notice },
  );
}

export function userEntry(conversation: Conversation, id: string): UserEntry | undefined {
  return conversation.entries.find((entry) => entry.kind === "user" && entry.id === id) as
    | UserEntry
    | undefined;
}

export function assistantEntry(
  conversation: Conversation,
  matches: (entry: AssistantEntry) => boolean,
): AssistantEntry | undefined {
  return conversation.entries.findLast((entry) => entry.kind === "assistant" && matches(entry)) as
    | AssistantEntry
    | undefined;
}

/** What both sides said and heard, oldest first: enough to take the thread up again elsewhere. */
export function spokenMessages(
  conversation: Conversation,
): { id: string; role: "user" | "assistant"; text: string }[] {
  return conversation.entries.flatMap((entry) =>
    (entry.kind === "user" || entry.kind === "assistant") && entry.text.trim() !== ""
      ? [{ id: entry.id, role: entry.kind, text: entry.text }]
      : [],
  );
}
