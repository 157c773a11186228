import {
  flag,
  type Guarded,
  isRecord,
  listOf,
  maybe,
  number,
  oneOf,
  orNull,
  parseJson,
  shape,
  text,
} from "../realtime/guard";

const model = shape({
  id: text,
  kind: oneOf("stt", "llm", "tts"),
  title: text,
  languages: listOf(text),
  license: text,
  license_url: orNull(text),
  quality: text,
  download_bytes: number,
  memory_bytes: number,
  size_bytes: number,
  state: oneOf("absent", "downloading", "installed", "loading", "warming", "ready", "failed"),
  progress: orNull(number),
  reason: orNull(text),
  bytes: number,
  total_bytes: number,
  rate: number,
  seconds_left: orNull(number),
  step: orNull(text),
  in_use: flag,
  is_embedded: flag,
  is_installed: flag,
  has_source: flag,
  fit: shape({ verdict: oneOf("fits", "tight", "no"), reason: text, instead: orNull(text) }),
});
/** One model: what it is, how it suits the machine, and what it is at. `progress` is from 0 to 1. */
export type Model = Guarded<typeof model>;
export type ModelState = Model["state"];

const machine = shape({ cores: number, memory_bytes: number, cpu: text, gpu: orNull(text) });
export type Machine = Guarded<typeof machine>;

export const isModelList = shape({
  models: listOf(model),
  machine,
  is_offline: flag,
  may_change: flag,
});
export type ModelList = Guarded<typeof isModelList>;

export const isOffer = shape({
  models: listOf(model),
  download_bytes: number,
  free_bytes: number,
  has_room: flag,
  is_first_run: flag,
  is_offline: flag,
  is_reachable: orNull(flag),
  hub: text,
  may_change: flag,
});
export type Offer = Guarded<typeof isOffer>;

const isNews = shape({ models: listOf(model), is_full: flag });
/** Models that changed; all there are where it `is_full`. */
export type News = Guarded<typeof isNews>;

export function parseNews(source: string): News | null {
  const value = parseJson(source);
  return isNews(value) ? value : null;
}

const isRefusal = shape({ error: shape({ message: text, code: maybe(text) }) });

/** The server's own words for why it refused; null where it has none. */
export const refusalIn = (body: unknown): string | null =>
  isRecord(body) && isRefusal(body) ? body.error.message : null;
