import type { Model } from "./model";
import { listed } from "./words";

export const isMoving = ({ state }: Model): boolean =>
  state === "downloading" || state === "loading" || state === "warming";

/** Between its download and its use a model is only installed, for a moment. */
export const isOnItsWay = (model: Model): boolean => isMoving(model) || model.state === "installed";

/** How the models fare that the user waits for, taken together. */
export type Arrivals = {
  words: string;
  /** Of all downloads together, by bytes; null where nothing is downloaded, or no size is known yet. */
  progress: number | null;
  isMoving: boolean;
  canCancel: boolean;
};

export function arrivalsOf(models: readonly Model[]): Arrivals {
  const downloads = models.filter(({ state }) => state === "downloading");
  return {
    words: wordsOf(models, downloads),
    progress: progressOf(downloads),
    isMoving: models.some(isMoving),
    canCancel: downloads.length > 0,
  };
}

/** Said aloud by screen readers whenever it changes, so it has no figures in it. */
function wordsOf(models: readonly Model[], downloads: readonly Model[]): string {
  const parts = [
    [downloads, "Downloading"],
    [models.filter(({ state }) => state === "loading" || state === "warming"), "Loading"],
    [models.filter(({ state }) => state === "failed"), "Not in use"],
    [models.filter(({ state, in_use }) => state === "ready" && in_use), "Used from your next turn"],
    [models.filter(({ state, in_use }) => state === "installed" || (state === "ready" && !in_use)), "Here"],
  ] as const;
  return parts
    .filter(([some]) => some.length > 0)
    .map(([some, words]) => `${words}: ${listed(some.map(({ title }) => title))}.`)
    .join(" ");
}

function progressOf(downloads: readonly Model[]): number | null {
  const whole = downloads.map((each) => each.total_bytes || each.download_bytes);
  const total = whole.reduce((sum, bytes) => sum + bytes, 0);
  if (downloads.length === 0 || total === 0) return null;
  return Math.min(1, downloads.reduce((sum, { bytes }) => sum + bytes, 0) / total);
}
