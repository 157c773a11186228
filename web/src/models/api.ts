import type { EngineKind } from "../realtime/events";
import { renewAccess } from "../status/status";
import { isModelList, isOffer, type ModelList, type Offer, refusalIn } from "./model";

const URL = "/api/models";
const TIMEOUT_MS = 30_000; // choosing waits until the loading has begun, on a machine that may be busy

/** What went wrong, in words for the user. */
export class ModelsError extends Error {}

export type Change =
  | { do: "pull"; ids: readonly string[]; isForUse: boolean }
  | { do: "cancel"; id: string }
  | { do: "use"; kind: EngineKind; model: string }
  | { do: "remove"; id: string; isForced: boolean };

async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(`${URL}${path}`, { cache: "no-store", signal, ...init }).catch(() => {
    throw new ModelsError("The server did not answer. Is Sottovoce running?");
  });
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body;
  if (response.status === 401) await renewAccess(); // the next attempt has its cookie
  throw new ModelsError(refusalIn(body) ?? `The server refused, with status ${response.status}.`);
}

function post(path: string, body: unknown): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

function listIn(body: unknown): ModelList {
  if (!isModelList(body)) throw new ModelsError("The server's list of models cannot be read.");
  return body;
}

export const fetchModels = async (): Promise<ModelList> => listIn(await ask(""));

/** Null where there is nobody to offer anything: no such server, or no answer. */
export async function fetchOffer(): Promise<Offer | null> {
  const body = await ask("/offer").catch(() => null);
  return isOffer(body) ? body : null;
}

/** Resolves when the server has begun; how it goes on is in the models' states. Rejects with a `ModelsError`. */
export async function change(wanted: Change): Promise<ModelList> {
  switch (wanted.do) {
    case "pull":
      return listIn(await post("/pull", { ids: wanted.ids, use: wanted.isForUse }));
    case "cancel":
      return listIn(await post("/cancel", { id: wanted.id }));
    case "use":
      return listIn(await post("/use", { kind: wanted.kind, model: wanted.model }));
    case "remove":
      await ask(`/${encodeURIComponent(wanted.id)}?force=${wanted.isForced}`, { method: "DELETE" });
      return fetchModels();
  }
}

/** Calls `onNews` with each event's data and `onBroken` once, when there will be no more. Returns what ends it. */
export function openEvents(onNews: (data: string) => void, onBroken: () => void): () => void {
  const source = new EventSource(`${URL}/events`);
  source.addEventListener("models", ({ data }: MessageEvent<unknown>) => onNews(String(data)));
  source.addEventListener("error", () => {
    source.close(); // the browser's own way of coming back neither asks meanwhile nor survives a refusal
    onBroken();
  });
  return () => source.close();
}
