import type { EngineKind } from "../realtime/events";
import { isMoving } from "./arrivals";
import type { Model } from "./model";

export type Group = {
  /** What is here or on its way, the one in use first, then what can be had and fits. */
  shown: Model[];
  /** What can be had and does not fit this machine. */
  unfit: Model[];
};

const rank = (model: Model): number => {
  if (model.in_use) return 0;
  if (isMoving(model)) return 1;
  if (model.state === "failed") return 2;
  if (model.is_installed) return 3;
  return model.fit.verdict === "fits" ? 4 : 5;
};

/** The models of a kind, in the server's order of preference wherever nothing else tells them apart. */
export function groupOf(models: readonly Model[], kind: EngineKind): Group {
  const own = models.filter((model) => model.kind === kind);
  const isUnfit = (model: Model): boolean => model.state === "absent" && model.fit.verdict === "no";
  const shown = own.filter((model) => !isUnfit(model)).sort((one, other) => rank(one) - rank(other));
  return { shown, unfit: own.filter(isUnfit) };
}
