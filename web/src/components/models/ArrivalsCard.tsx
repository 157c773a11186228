import { X } from "lucide-react";
import { arrivalsOf } from "../../models/arrivals";
import type { Model } from "../../models/model";
import { sizeWords, stateWords, timeWords } from "../../models/words";
import { Button } from "../ui/button";
import { Progress } from "../ui/progress";
import { ModelProgress } from "./ModelProgress";

type ArrivalsCardProps = {
  models: readonly Model[];
  /** During a conversation: one bar for all of them. */
  isCompact: boolean;
  mayChange: boolean;
  problem: string | null;
  onCancel(): void;
  onRetry(model: Model): void;
  onShowAll(): void;
  onDismiss(): void;
};

export function ArrivalsCard(props: ArrivalsCardProps) {
  const { models, isCompact, mayChange, problem } = props;
  const arrivals = arrivalsOf(models);
  const failed = models.filter(({ state }) => state === "failed");
  return (
    <section
      aria-label="New models"
      data-models="arrivals"
      className="mx-auto max-h-[60dvh] w-full max-w-2xl shrink-0 overflow-y-auto rounded-2xl border border-rule bg-sheet px-4 py-2.5"
    >
      <div className="flex items-start gap-2">
        <p role="status" className={isCompact ? "line-clamp-2 flex-1 py-2 text-sm" : "flex-1 py-1.5"}>
          {arrivals.words}
        </p>
        {arrivals.canCancel && mayChange && (
          <Button variant="ghost" onClick={props.onCancel}>
            Cancel
          </Button>
        )}
        <Button variant="ghost" onClick={props.onShowAll}>
          Details
        </Button>
        <Button
          variant="ghost"
          onClick={props.onDismiss}
          aria-label={arrivals.isMoving ? "Hide; it goes on" : "Close"}
        >
          <X aria-hidden />
        </Button>
      </div>
      {isCompact ? <Together models={models} progress={arrivals.progress} /> : <Apart models={models} />}
      {failed.map((model) => (
        <Failed key={model.id} model={model} {...(mayChange ? { onRetry: props.onRetry } : {})} />
      ))}
      {problem && (
        <p role="alert" className="mt-2 text-problem text-sm">
          {problem}
        </p>
      )}
    </section>
  );
}

function Together({ models, progress }: { models: readonly Model[]; progress: number | null }) {
  if (progress === null) return null;
  const downloads = models.filter(({ state }) => state === "downloading");
  const rate = downloads.reduce((sum, each) => sum + each.rate, 0);
  const lacking = downloads.reduce((sum, each) => sum + Math.max(0, each.total_bytes - each.bytes), 0);
  const words = [
    `${Math.floor(progress * 100)} %`,
    ...(rate > 0 ? [`${sizeWords(rate)}/s`, `${timeWords(lacking / rate)} left`] : []),
  ].join(" · ");
  return (
    <div className="flex items-center gap-3 pb-1">
      <div className="flex-1">
        <Progress label="Downloads" value={progress} words={words} />
      </div>
      <span className="text-quiet text-xs tabular-nums">{words}</span>
    </div>
  );
}

function Apart({ models }: { models: readonly Model[] }) {
  return (
    <ul className="grid gap-2 pb-1">
      {models.map((model) => (
        <li key={model.id}>
          <div className="flex justify-between gap-3 text-sm">
            <span className="min-w-0 break-words font-medium">{model.title}</span>
            <span className="shrink-0 text-quiet tabular-nums">{stateWords(model)}</span>
          </div>
          <ModelProgress model={model} />
        </li>
      ))}
    </ul>
  );
}

function Failed({ model, onRetry }: { model: Model; onRetry?(model: Model): void }) {
  return (
    <div className="mt-1 flex items-start gap-3 border-rule border-t pt-2 text-sm">
      <p className="min-w-0 flex-1 break-words text-problem">
        {model.title}: {model.reason ?? "it could not be used."}
      </p>
      {onRetry && <Button onClick={() => onRetry(model)}>Try again</Button>}
    </div>
  );
}
