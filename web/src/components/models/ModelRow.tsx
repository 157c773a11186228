import { clsx } from "clsx";
import { memo } from "react";
import type { Change } from "../../models/api";
import type { Model } from "../../models/model";
import { fitWords, languageWords, sizeWords, stateWords } from "../../models/words";
import { Actions } from "./Actions";
import { Licence } from "./Licence";
import { ModelProgress } from "./ModelProgress";

type ModelRowProps = {
  model: Model;
  /** The title of the model to take instead of one that does not fit. */
  instead: string | null;
  mayChange: boolean;
  isOffline: boolean;
  isBusy: boolean;
  problem: string | null;
  onChange(change: Change): void;
};

const sizeOf = (model: Model): string | null => {
  if (model.is_embedded) return "built in";
  if (model.size_bytes > 0) return `${sizeWords(model.size_bytes)} on this machine`;
  return model.download_bytes > 0 ? `${sizeWords(model.download_bytes)} to download` : null;
};

const memoryOf = ({ memory_bytes }: Model): string | null =>
  memory_bytes > 0 ? `${sizeWords(memory_bytes)} of memory` : null;

/** Several change four times a second while they come: only those are drawn anew. */
export const ModelRow = memo(function ModelRow(props: ModelRowProps) {
  const { model, instead, mayChange, problem } = props;
  const facts = [languageWords(model.languages), sizeOf(model), memoryOf(model)].filter(Boolean).join(" · ");
  return (
    <li data-model={model.id} data-state={model.state} className="py-3">
      <div className="flex items-baseline justify-between gap-3">
        <h4 className="min-w-0 break-words font-medium">{model.title}</h4>
        <span
          className={clsx(
            "shrink-0 text-sm tabular-nums",
            model.state === "failed" ? "text-problem" : model.in_use ? "text-listening" : "text-quiet",
          )}
        >
          {stateWords(model)}
        </span>
      </div>
      <p className="text-quiet text-sm">
        {facts}
        {!model.is_embedded && (
          <>
            {facts && " · "}
            <Licence model={model} />
          </>
        )}
      </p>
      {model.quality && <p className="text-sm">{model.quality}</p>}
      {!model.is_embedded && (
        <p className={clsx("text-sm", model.fit.verdict === "no" ? "text-problem" : "text-quiet")}>
          {fitWords(model, (id) => instead ?? id)}
        </p>
      )}
      <ModelProgress model={model} />
      {model.state === "failed" && model.reason && (
        <p className="mt-1 break-words text-problem text-sm">{model.reason}</p>
      )}
      {problem && (
        <p role="alert" className="mt-1 break-words text-problem text-sm">
          {problem}
        </p>
      )}
      {mayChange && <Actions {...props} />}
    </li>
  );
});
