import { flag, type Guarded, maybe, number, oneOf, shape, tableOf, text } from "../realtime/guard";

const standing = {
  model: maybe(text),
  state: oneOf("ready", "loading", "warming", "restarting", "failed", "draining"),
  is_local: flag,
  reason: maybe(text),
  progress: maybe(number),
};
const engine = shape({
  ...standing,
  /** The one that would be in use instead: it is on its way, or failed. */
  preferred: maybe(shape(standing)),
  /** Why it is not the model that was chosen. */
  trouble: maybe(text),
});
const modelProgress = shape({ state: text, progress: maybe(number) });
/** How one engine fares. `progress` is from 0 to 1 while it loads. */
export type EngineStanding = Pick<EngineStatus, keyof typeof standing>;
export type EngineStatus = Guarded<typeof engine>;

/** `is_on`: the server has rooms; `is_ready`: one can be had now, and otherwise there is a reason. */
const liveKitStatus = shape({ is_on: flag, is_ready: flag, reason: maybe(text) });

const isServerStatus = shape({
  version: text,
  profile: text,
  engines: shape({ stt: engine, llm: engine, tts: engine }),
  /** By id: how models fare that are here, on their way, or failed to come. */
  models: maybe(tableOf(modelProgress)),
  sessions: number,
  livekit: maybe(liveKitStatus),
});
export type ServerStatus = Guarded<typeof isServerStatus>;

const STATUS_URL = "/api/status";
const STATUS_TIMEOUT_MS = 5_000;

/** Null where the server cannot be reached, or is no Sottovoce. */
export async function fetchStatus(): Promise<ServerStatus | null> {
  try {
    const signal = AbortSignal.timeout(STATUS_TIMEOUT_MS);
    const response = await fetch(STATUS_URL, { cache: "no-store", signal });
    if (response.status === 401 || response.status === 403) await renewAccess();
    const body: unknown = response.ok ? await response.json() : null;
    return isServerStatus(body) ? body : null;
  } catch {
    return null; // no connection, no answer in time, or no JSON: to the page all of it is "not there"
  }
}

/** Whether the server would have the page join a room of LiveKit's. */
export async function hasLiveKit(): Promise<boolean> {
  const livekit = (await fetchStatus())?.livekit;
  return livekit?.is_on === true && livekit.is_ready;
}

/** Loading the page anew is what makes the server set its cookie. */
export async function renewAccess(): Promise<void> {
  await fetch("/", { cache: "no-store" }).catch(() => undefined); // the next attempt will tell
}
