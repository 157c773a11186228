import { flag, type Guarded, maybe, number, oneOf, shape, text } from "../realtime/guard";

const engine = shape({
  model: maybe(text),
  state: oneOf("ready", "loading", "restarting", "failed"),
  is_local: flag,
  reason: maybe(text),
});
export type EngineStatus = Guarded<typeof engine>;

const isServerStatus = shape({
  version: text,
  profile: text,
  engines: shape({ stt: engine, llm: engine, tts: engine }),
  sessions: number,
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

/** Loading the page anew is what makes the server set its cookie. */
export async function renewAccess(): Promise<void> {
  await fetch("/", { cache: "no-store" }).catch(() => undefined); // the next attempt will tell
}
