import { kinds, listed, percentWords } from "../models/words";
import type { EngineKind } from "../realtime/events";
import type { EngineStanding, EngineStatus, ServerStatus } from "./status";

export type EngineSummary = {
  tone: "private" | "remote" | "waiting" | "coming" | "failed";
  short: string;
  long: string;
};

const whatLeaves: Record<EngineKind, string> = {
  stt: "the sound of your voice",
  llm: "the words of the conversation",
  tts: "the words of the answers",
};
const whatFails: Record<EngineKind, string> = { stt: "hearing", llm: "thinking", tts: "speaking" };

const LOOPBACK = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/;

const ON_ITS_WAY: ReadonlySet<EngineStatus["state"]> = new Set(["loading", "warming", "restarting"]);

/** What the user should know first about the engines: whether they work, what comes, then whether something leaves. */
export function summarise(status: ServerStatus, hostname: string): EngineSummary {
  const machine = LOOPBACK.test(hostname) ? "this machine" : hostname;
  const privacy = privacyOf(status, machine);
  const { long } = privacy;
  const failed = kinds.filter((kind) => status.engines[kind].state === "failed");
  if (failed.length > 0)
    return { tone: "failed", short: `Trouble with ${listed(failed.map((kind) => whatFails[kind]))}`, long };
  if (isStarting(status)) return { tone: "waiting", short: "Engines are starting", long };
  const coming = loadingWords(status) ?? downloadingWords(status);
  if (coming) return { tone: "coming", short: coming, long };
  const standIns = kinds.filter((kind) => status.engines[kind].preferred?.state === "failed");
  return standIns.length > 0 ? { tone: "failed", short: standInWords(status, standIns), long } : privacy;
}

/** An engine that works is on its way; a failed one is not. */
export const isStarting = ({ engines }: ServerStatus): boolean =>
  Object.values(engines).some(({ state }) => ON_ITS_WAY.has(state));

/** All engines work, and nothing is on its way: there is no news to expect. */
export const isSettled = (status: ServerStatus): boolean =>
  kinds.every((kind) => status.engines[kind].state === "ready") &&
  loadingWords(status) === null &&
  downloadingWords(status) === null;

/** In a word, and how far it is. */
export function standingWords({ state, progress }: Pick<EngineStanding, "state" | "progress">): string {
  if (state === "draining") return "leaving";
  if (state === "warming") return "warming up";
  return typeof progress === "number" && state === "loading" ? `loading ${percentWords(progress)}` : state;
}

/** "pocketsphinx · nemotron-en-560ms loading 40 %"; null where nothing better is being loaded. */
function loadingWords({ engines }: ServerStatus): string | null {
  const coming = kinds.flatMap((kind) => {
    const { model, preferred } = engines[kind];
    return preferred && ON_ITS_WAY.has(preferred.state) ? [{ model, preferred }] : [];
  });
  const first = coming[0];
  if (!first) return null;
  if (coming.length > 1) return `${coming.length} models loading`;
  return `${first.model ?? "unnamed"} · ${first.preferred.model ?? "another"} ${standingWords(first.preferred)}`;
}

export const isDownloading = ({ models }: ServerStatus): boolean =>
  Object.values(models ?? {}).some(({ state }) => state === "downloading");

function downloadingWords({ models }: ServerStatus): string | null {
  const coming = Object.entries(models ?? {}).filter(([, { state }]) => state === "downloading");
  const first = coming[0];
  if (!first) return null;
  if (coming.length > 1) return `Downloading ${coming.length} models`;
  const [id, { progress }] = first;
  return `Downloading ${id}${typeof progress === "number" ? `, ${percentWords(progress)}` : ""}`;
}

function standInWords({ engines }: ServerStatus, standIns: readonly EngineKind[]): string {
  const names = standIns.map((kind) => engines[kind].model ?? "another");
  return `${listed(names)} ${names.length === 1 ? "stands" : "stand"} in`;
}

function privacyOf(status: ServerStatus, machine: string): EngineSummary {
  const leaving = kinds.filter((kind) => !status.engines[kind].is_local).map((kind) => whatLeaves[kind]);
  if (leaving.length === 0) {
    const long = `Hearing, thinking and speaking all happen on ${machine}. Nothing you say leaves it.`;
    return { tone: "private", short: `Nothing leaves ${machine}`, long };
  }
  const verb = leaving.length === 1 && !status.engines.stt.is_local ? "goes" : "go";
  const long = `Not everything stays on ${machine}: ${listed(leaving)} ${verb} to a server elsewhere.`;
  return { tone: "remote", short: `Some of it leaves ${machine}`, long };
}
