import { clsx } from "clsx";
import { CloudUpload, HardDriveDownload, LoaderCircle, LockKeyhole, TriangleAlert } from "lucide-react";
import { kinds } from "../models/words";
import type { EngineKind } from "../realtime/events";
import type { EngineStanding, EngineStatus, ServerStatus } from "../status/status";
import { type EngineSummary, standingWords, summarise } from "../status/summary";
import { Button } from "./ui/button";
import { Popover, PopoverClose } from "./ui/popover";

const names: Record<EngineKind, string> = { stt: "Hears you with", llm: "Thinks with", tts: "Speaks with" };
const icons: Record<EngineSummary["tone"], typeof LockKeyhole> = {
  private: LockKeyhole,
  remote: CloudUpload,
  waiting: LoaderCircle,
  coming: HardDriveDownload,
  failed: TriangleAlert,
};
const iconLooks: Record<EngineSummary["tone"], string> = {
  private: "text-listening",
  remote: "text-problem",
  waiting: "animate-spin",
  coming: "text-thinking",
  failed: "text-problem",
};

/** The one that is not in use yet, or no longer, and what became of it. */
function Preferred({ preferred }: { preferred: EngineStanding }) {
  const hasFailed = preferred.state === "failed";
  return (
    <p className={clsx("break-words text-sm", hasFailed ? "text-problem" : "text-quiet")}>
      {hasFailed ? "Stands in for " : "Until then; coming: "}
      <span className="font-medium">{preferred.model ?? "an unnamed model"}</span>
      {hasFailed ? ", which failed" : `, ${standingWords(preferred)}`}
      {preferred.reason ? `: ${preferred.reason}` : "."}
    </p>
  );
}

function Engine({ kind, engine }: { kind: EngineKind; engine: EngineStatus }) {
  return (
    <li className="py-2.5">
      <div className="flex items-baseline justify-between gap-3">
        <span className="text-quiet text-sm">{names[kind]}</span>
        <span className={clsx("text-sm", engine.state === "failed" ? "text-problem" : "text-quiet")}>
          {standingWords(engine)}
        </span>
      </div>
      <p className="break-words font-medium">{engine.model ?? "an unnamed model"}</p>
      {!engine.is_local && (
        <p className="text-problem text-sm">Runs elsewhere: this part leaves the machine.</p>
      )}
      {engine.reason && <p className="text-quiet text-sm">{engine.reason}</p>}
      {engine.preferred && <Preferred preferred={engine.preferred} />}
      {engine.trouble && <p className="break-words text-problem text-sm">{engine.trouble}</p>}
    </li>
  );
}

/** Nothing where it is as it should be: the chip with the latency says over what a conversation goes. */
function LiveKitTrouble({ livekit }: Pick<ServerStatus, "livekit">) {
  if (!livekit?.is_on || livekit.is_ready) return null;
  const reason = livekit.reason ? ` (${livekit.reason})` : "";
  return (
    <p className="break-words pt-1 text-problem text-sm">
      LiveKit is not ready{reason}. Until it is, this page talks to the server without it.
    </p>
  );
}

type EngineChipProps = { status: ServerStatus | null; onShowModels(): void };

export function EngineChip({ status, onShowModels }: EngineChipProps) {
  if (!status) return null;
  const { tone, short, long } = summarise(status, location.hostname);
  const Icon = icons[tone];
  return (
    <Popover
      label="Engines and privacy"
      trigger={
        <Button variant="ghost">
          <Icon aria-hidden className={iconLooks[tone]} />
          <span className="max-w-[22rem] truncate max-[30rem]:sr-only">{short}</span>
        </Button>
      }
    >
      <p className="text-sm">{long}</p>
      <ul className="mt-2 divide-y divide-rule">
        {kinds.map((kind) => (
          <Engine key={kind} kind={kind} engine={status.engines[kind]} />
        ))}
      </ul>
      <LiveKitTrouble livekit={status.livekit} />
      <PopoverClose asChild>
        <Button className="my-2 w-full" onClick={onShowModels}>
          Choose models
        </Button>
      </PopoverClose>
      <p className="pt-1 text-quiet text-xs">
        Sottovoce {status.version}, profile {status.profile}
      </p>
    </Popover>
  );
}
