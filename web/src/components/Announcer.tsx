import type { Entry } from "../session/conversation";

/** The newest thing that is final: interim words would make a screen reader stutter. */
function newestFinal(entries: readonly Entry[]): string {
  const entry = entries.findLast(
    (candidate) =>
      candidate.kind === "notice" ||
      (candidate.kind === "user" && candidate.isFinal && !candidate.isTyped) ||
      (candidate.kind === "assistant" && candidate.isDone),
  );
  if (!entry || entry.kind === "tool") return "";
  if (entry.kind === "notice") return entry.text;
  return `${entry.kind === "user" ? "You" : "Assistant"}: ${entry.text}`;
}

type AnnouncerProps = { entries: readonly Entry[]; presence: string };

export function Announcer({ entries, presence }: AnnouncerProps) {
  return (
    <div className="sr-only">
      <p aria-live="polite" data-testid="announcements">
        {newestFinal(entries)}
      </p>
      <p role="status">{presence}</p>
    </div>
  );
}
