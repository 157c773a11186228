import type { SessionSnapshot } from "./voice-session";

/** What the page shows by word, colour and motion. */
export type Presence =
  | "idle"
  | "connecting"
  | "reconnecting"
  | "ready"
  | "muted"
  | "listening"
  | "thinking"
  | "speaking"
  | "error";

export function presenceOf({ link, conversation, microphone }: SessionSnapshot): Presence {
  if (link.phase === "off") return link.problem ? "error" : "idle";
  if (link.phase !== "live") return link.phase;
  const { activity } = conversation;
  if (activity === "thinking" || activity === "speaking") return activity;
  const last = conversation.entries.at(-1);
  if (last?.kind === "notice" && last.isProblem) return "error";
  if (!microphone.stream) return "ready";
  return microphone.isMuted && !microphone.isTalking ? "muted" : "listening";
}

export const presenceWords: Record<Presence, string> = {
  idle: "Ready when you are",
  connecting: "Connecting",
  reconnecting: "Reconnecting",
  ready: "Ready",
  muted: "Muted",
  listening: "Listening",
  thinking: "Thinking",
  speaking: "Speaking",
  error: "Something went wrong",
};

/** Classes that give text, and through it the orb, the colour of what is going on. */
export const presenceColours: Record<Presence, string> = {
  idle: "text-idle",
  connecting: "text-idle",
  reconnecting: "text-problem",
  ready: "text-idle",
  muted: "text-quiet",
  listening: "text-listening",
  thinking: "text-thinking",
  speaking: "text-speaking",
  error: "text-problem",
};
