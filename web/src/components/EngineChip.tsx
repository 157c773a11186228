import { clsx } from "clsx";
import { CloudUpload, LoaderCircle, LockKeyhole, TriangleAlert } from "lucide-react";
import type { EngineKind } from "../realtime/events";
import type { EngineStatus, ServerStatus } from "../status/status";
import { type EngineSummary, summarise } from "../status/summary";
import { Button } from "./ui/button";
import { Popover } from "./ui/popover";

const names: Record<EngineKind, string> = { stt: "Hears you with", llm: "Thinks with", tts: "Speaks with" };
const kinds: readonly EngineKind[] = ["stt", "llm", "tts"];
const stateWords: Record<EngineStatus["state"], string> = {
  ready: "ready",
  loading: "loading…",
  restarting: "restarting…",
  failed: "failed",
};
const icons: Record<EngineSummary["tone"], typeof LockKeyhole> = {
  private: LockKeyhole,
  remote: CloudUpload,
  waiting: LoaderCircle,
  failed: TriangleAlert,
};
const iconLooks: Record<EngineSummary["tone"], string> = {
  private: "text-listening",
  remote: "text-problem",
  waiting: "animate-spin",
  failed: "text-problem",
};

function Engine({ kind, engine }: { kind: EngineKind; engine: EngineStatus }) {
  return (
    <li className="py-2.5">
      <div className="flex items-baseline justify-between gap-3">
        <span className="text-quiet text-sm">{names[kind]}</span>
        <span className={clsx("text-sm", engine.state === "failed" ? "text-problem" : "text-quiet")}>
          {stateWords[engine.state]}
        </span>
      </div>
      <p className="break-words font-medium">{engine.model ?? "an unnamed model"}</p>
      {!engine.is_local && (
        <p className="text-problem text-sm">Runs elsewhere: this part leaves the machine.</p>
      )}
      {engine.reason && <p className="text-quiet text-sm">{engine.reason}</p>}
    </li>
  );
}

export function EngineChip({ status }: { status: ServerStatus | null }) {
  if (!status) return null;
  const { tone, short, long } = summarise(status, location.hostname);
  const Icon = icons[tone];
  return (
    <Popover
      label="Engines and privacy"
      trigger={
        <Button variant="ghost">
          <Icon aria-hidden className={iconLooks[tone]} />
          <span className="max-[26rem]:sr-only">{short}</span>
        </Button>
      }
    >
      <p className="text-sm">{long}</p>
      <ul className="mt-2 divide-y divide-rule">
        {kinds.map((kind) => (
          <Engine key={kind} kind={kind} engine={status.engines[kind]} />
        ))}
      </ul>
      <p className="pt-1 text-quiet text-xs">
        Sottovoce {status.version}, profile {status.profile}
      </p>
    </Popover>
  );
}
