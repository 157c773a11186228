import { clsx } from "clsx";
import { kinds } from "../models/words";
import type { EngineKind, Fallback, Used } from "../realtime/events";

const deeds: Record<EngineKind, string> = { stt: "Heard by", llm: "Answered by", tts: "Spoken by" };

/** Why it was not the preferred model, as far as is known. */
export const fallbackWords = ({ model, instead_of, reason }: Fallback): string =>
  `fell back from ${instead_of} to ${model}${reason ? `: ${reason}` : ""}`;

/** A turn may go through several of one kind, clause by clause. */
export const fallbackKey = ({ engine, model, instead_of }: Fallback): string =>
  `${engine} ${instead_of} ${model}`;

/** The models that the last turn went through. */
export function UsedList({ used }: { used: Used }) {
  return (
    <dl
      data-testid="used"
      className="mt-3 grid grid-cols-[auto_1fr] gap-x-3 border-rule border-t pt-3 text-sm"
    >
      {kinds.map((kind) => {
        const fallbacks = used.fallbacks.filter(({ engine }) => engine === kind);
        return used.engines[kind] === null ? null : (
          <div key={kind} className="contents">
            <dt className="text-quiet">{deeds[kind]}</dt>
            <dd className="break-words font-medium">
              {used.engines[kind]}
              {fallbacks.map((fallback) => (
                <span
                  key={fallbackKey(fallback)}
                  className={clsx("block font-normal", fallback.is_coming ? "text-quiet" : "text-problem")}
                >
                  {fallbackWords(fallback)}
                </span>
              ))}
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
