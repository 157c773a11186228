import type { Model } from "../../models/model";
import { downloadWords, stateWords } from "../../models/words";
import { Progress } from "../ui/progress";

/** How far a download or a loading is; nothing where neither goes on. */
export function ModelProgress({ model }: { model: Model }) {
  const { state, title } = model;
  if (state !== "downloading" && state !== "loading" && state !== "warming") return null;
  const words = state === "downloading" ? downloadWords(model) : stateWords(model);
  return (
    <div className="mt-1.5">
      <Progress label={`${title}, ${state}`} value={model.progress} words={words} />
      {state === "downloading" && <p className="mt-1 text-quiet text-xs tabular-nums">{words}</p>}
    </div>
  );
}
