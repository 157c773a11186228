import type { EngineKind } from "../realtime/events";
import type { ServerStatus } from "./status";

export type EngineSummary = {
  tone: "private" | "remote" | "waiting" | "failed";
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

/** What the user should know first about the engines: whether they work, then whether something leaves. */
export function summarise(status: ServerStatus, hostname: string): EngineSummary {
  const machine = LOOPBACK.test(hostname) ? "this machine" : hostname;
  const privacy = privacyOf(status, machine);
  const engines = Object.entries(status.engines) as [EngineKind, ServerStatus["engines"][EngineKind]][];
  const failed = engines.filter(([, { state }]) => state === "failed").map(([kind]) => whatFails[kind]);
  if (failed.length > 0)
    return { tone: "failed", short: `Trouble with ${listed(failed)}`, long: privacy.long };
  return isStarting(status)
    ? { tone: "waiting", short: "Engines are starting", long: privacy.long }
    : privacy;
}

/** An engine that works is on its way; a failed one is not. */
export const isStarting = ({ engines }: ServerStatus): boolean =>
  Object.values(engines).some(({ state }) => state === "loading" || state === "restarting");

function privacyOf(status: ServerStatus, machine: string): EngineSummary {
  const kinds: EngineKind[] = ["stt", "llm", "tts"];
  const leaving = kinds.filter((kind) => !status.engines[kind].is_local).map((kind) => whatLeaves[kind]);
  if (leaving.length === 0) {
    const long = `Hearing, thinking and speaking all happen on ${machine}. Nothing you say leaves it.`;
    return { tone: "private", short: `Nothing leaves ${machine}`, long };
  }
  const verb = leaving.length === 1 && !status.engines.stt.is_local ? "goes" : "go";
  const long = `Not everything stays on ${machine}: ${listed(leaving)} ${verb} to a server elsewhere.`;
  return { tone: "remote", short: `Some of it leaves ${machine}`, long };
}

const listed = (parts: string[]): string => parts.join(" and ");
