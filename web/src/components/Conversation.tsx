import { useLayoutEffect, useRef } from "react";
import type { Entry } from "../session/conversation";
import { Message } from "./Message";

/** How near the end counts as reading along. */
const FOLLOW_PX = 80;

export function Conversation({ entries }: { entries: readonly Entry[] }) {
  const log = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);

  // biome-ignore lint/correctness/useExhaustiveDependencies: new words move the end, and the reader with it
  useLayoutEffect(() => {
    if (isFollowing.current && log.current) log.current.scrollTop = log.current.scrollHeight;
  }, [entries]);

  const noteReading = (): void => {
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = log.current ?? {};
    isFollowing.current = scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
  };

  return (
    <div
      ref={log}
      role="log"
      aria-live="off"
      aria-label="Conversation"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by keyboard too
      tabIndex={0}
      onScroll={noteReading}
      className="min-h-0 flex-1 overflow-y-auto overscroll-contain rounded-lg"
    >
      <div className="mx-auto grid max-w-2xl gap-5 py-4">
        {entries.map((entry) => (
          <Message key={entry.id} entry={entry} />
        ))}
      </div>
    </div>
  );
}
