import type { EngineKind } from "../realtime/events";
import type { Machine, Model } from "./model";

export const kinds: readonly EngineKind[] = ["stt", "llm", "tts"];
export const kindWords: Record<EngineKind, string> = { stt: "Hearing", llm: "Thinking", tts: "Speaking" };

const MB = 1_000_000;
const GB = 1_000 * MB;

/** As shops and file managers count: a thousand to the next. */
export function sizeWords(bytes: number): string {
  if (bytes >= GB) return `${(bytes / GB).toFixed(1)} GB`;
  if (bytes >= 10 * MB) return `${Math.round(bytes / MB)} MB`;
  if (bytes >= MB / 10) return `${(bytes / MB).toFixed(1)} MB`;
  return `${Math.ceil(bytes / 1_000)} kB`;
}

export function timeWords(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const percentWords = (progress: number): string => `${Math.floor(progress * 100)} %`;

/** Bytes, speed and time left, as far as they are known. */
export function downloadWords(model: Model): string {
  if (model.step === "queued") return "waits for its turn";
  if (model.step === "checking") return "checking the files";
  if (model.reason) return model.reason; // what the download waits for
  if (model.total_bytes === 0) return "asking the hub";
  const parts = [`${sizeWords(model.bytes)} of ${sizeWords(model.total_bytes)}`];
  if (model.rate > 0) parts.push(`${sizeWords(model.rate)}/s`);
  if (model.seconds_left !== null) parts.push(`${timeWords(model.seconds_left)} left`);
  return parts.join(" · ");
}

/** What the model is at, in a word or two. */
export function stateWords(model: Model): string {
  const percent = model.progress === null ? "" : ` ${percentWords(model.progress)}`;
  switch (model.state) {
    case "absent":
      return model.bytes > 0 ? `${sizeWords(model.bytes)} of it here` : "";
    case "downloading":
      return `downloading${percent}`;
    case "loading":
      return `loading${percent}`;
    case "warming":
      return "warming up";
    case "failed":
      return model.is_installed ? "cannot be used" : "not downloaded";
    case "installed":
      return "on this machine";
    case "ready":
      return model.in_use ? "in use" : "ready to stand in";
  }
}

/** How the model suits the machine; what is taken `instead` goes by its title. */
export function fitWords({ fit }: Model, titleOf: (id: string) => string): string {
  const because = fit.reason ? `: ${fit.reason}` : "";
  const instead = fit.instead ? ` Take ${titleOf(fit.instead)} instead.` : "";
  switch (fit.verdict) {
    case "fits":
      return `Fits this machine${because}.`;
    case "tight":
      return `Just about fits${because}.${instead}`;
    case "no":
      return `Does not fit${because}.${instead}`;
  }
}

export function machineWords({ cores, memory_bytes, gpu }: Machine): string {
  const memory = `${(memory_bytes / 2 ** 30).toFixed(0)} GB of memory`;
  return `${cores === 1 ? "one core" : `${cores} cores`}, ${memory}, ${gpu ?? "no GPU in use"}`;
}

const MAX_NAMED = 3;
const names = new Intl.DisplayNames("en", { type: "language", fallback: "code" });

/** Locales of one language count once. */
export function languageWords(tags: readonly string[]): string {
  const tongues = [...new Set(tags.map((tag) => tag.split("-")[0] ?? tag))].map(nameOf);
  if (tongues.length <= MAX_NAMED) return tongues.join(", ");
  return `${tongues.slice(0, MAX_NAMED).join(", ")} and ${tongues.length - MAX_NAMED} more`;
}

function nameOf(tag: string): string {
  try {
    return names.of(tag) ?? tag;
  } catch {
    return tag; // an entry of the user's own may say anything
  }
}

export const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
