import { clsx } from "clsx";
import { TriangleAlert } from "lucide-react";
import { memo } from "react";
import type { AssistantEntry, Entry, NoticeEntry, UserEntry } from "../session/conversation";
import { ToolRow } from "./ToolRow";
import { fallbackKey, fallbackWords } from "./Used";

const row = "grid gap-x-5 gap-y-0.5 sm:grid-cols-[5.5rem_1fr]";
const speaker = "pt-1 text-quiet text-sm sm:text-right";

function UserMessage({ entry }: { entry: UserEntry }) {
  if (entry.text === "") return null;
  return (
    <div className={row}>
      <span className={speaker}>You</span>
      <p
        data-entry="user"
        data-final={entry.isFinal}
        className={clsx("text-[1.0625rem]", entry.isFinal ? "text-ink" : "text-quiet")}
      >
        {entry.text}
      </p>
    </div>
  );
}

function AssistantMessage({ entry }: { entry: AssistantEntry }) {
  const latency = entry.latency?.voice_to_voice;
  // one that is loading is no news under every reply: the engine chip says it
  const troubles = (entry.used?.fallbacks ?? []).filter(({ is_coming }) => !is_coming);
  return (
    <div className={row}>
      <span className={clsx(speaker, "font-serif italic sm:pt-1.5")}>Sottovoce</span>
      <p data-entry="assistant" data-done={entry.isDone} className="font-serif text-[1.3125rem] leading-snug">
        {entry.text.slice(0, entry.spokenFrom)}
        <span className={entry.isDone ? undefined : "text-speaking"}>
          {entry.text.slice(entry.spokenFrom)}
        </span>
        {entry.unheard !== "" && (
          <>
            <span className="sr-only"> (interrupted, not heard: </span>
            <s data-entry="unheard" className="text-quiet decoration-1">
              {entry.unheard}
            </s>
            <span className="sr-only">)</span>
          </>
        )}
        {typeof latency === "number" && (
          <span className="ml-3 whitespace-nowrap font-sans text-quiet text-xs tabular-nums">
            {Math.round(latency)} ms
          </span>
        )}
        {troubles.map((fallback) => (
          <span
            key={fallbackKey(fallback)}
            data-entry="fallback"
            className="mt-1 line-clamp-3 break-words font-sans text-quiet text-xs"
          >
            {fallbackWords(fallback)}
          </span>
        ))}
      </p>
    </div>
  );
}

function Notice({ entry }: { entry: NoticeEntry }) {
  return (
    <div className={row}>
      <span className="hidden sm:block" />
      <div
        data-entry="notice"
        data-engine={entry.engine ?? undefined}
        className={clsx("flex gap-2 text-sm", entry.isProblem ? "text-problem" : "text-quiet")}
      >
        {entry.isProblem && <TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0" />}
        <p className="min-w-0">
          {entry.text}
          {entry.detail && (
            <span className="line-clamp-3 break-words text-quiet text-xs">{entry.detail}</span>
          )}
        </p>
      </div>
    </div>
  );
}

/** Interim words change many times a second: only the entry that changed is drawn anew. */
export const Message = memo(function Message({ entry }: { entry: Entry }) {
  switch (entry.kind) {
    case "user":
      return <UserMessage entry={entry} />;
    case "assistant":
      return <AssistantMessage entry={entry} />;
    case "tool":
      return (
        <div className={row}>
          <span className="hidden sm:block" />
          <ToolRow entry={entry} />
        </div>
      );
    case "notice":
      return <Notice entry={entry} />;
  }
});
