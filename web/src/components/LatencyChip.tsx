import { Gauge } from "lucide-react";
import { useEffect, useState } from "react";
import type { LatencyMs, Used } from "../realtime/events";
import { type Leg, latencyLegs } from "../session/latency-legs";
import type { TransportKind } from "../transport/transport";
import { UsedList } from "./Used";
import { Button } from "./ui/button";
import { Popover } from "./ui/popover";

const POLL_MS = 2_000;

type LatencyChipProps = {
  latency: LatencyMs | null;
  used: Used | null;
  transport: TransportKind | null;
  readBufferMs(): Promise<number | null>;
};

const transportNames: Record<TransportKind, string> = {
  livekit: "LiveKit",
  webrtc: "WebRTC",
  websocket: "WebSocket",
};

/** The browser's own delay, as long as there is a connection to ask. */
function useBufferMs(readBufferMs: () => Promise<number | null>): number | null {
  const [bufferMs, setBufferMs] = useState<number | null>(null);
  useEffect(() => {
    const timer = setInterval(async () => {
      const current = await readBufferMs();
      if (current !== null) setBufferMs(current); // nothing played lately: the last value stands
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [readBufferMs]);
  return bufferMs;
}

function Bar({ leg, end }: { leg: Leg; end: number }) {
  const percent = (ms: number): string => `${(ms / end) * 100}%`;
  return (
    <li className="grid grid-cols-[1fr_auto] gap-x-3 text-sm">
      <span>{leg.name}</span>
      <span className="text-quiet tabular-nums">{Math.round(leg.end - leg.start)} ms</span>
      <span aria-hidden className="col-span-2 mt-1 h-1.5 overflow-hidden rounded-full bg-sunken">
        <span
          className="block h-full min-w-0.5 rounded-full bg-speaking"
          style={{ marginLeft: percent(leg.start), width: percent(leg.end - leg.start) }}
        />
      </span>
    </li>
  );
}

/** Of a turn whose time nobody measured, as a typed one. */
function UsedChip({ used }: { used: Used }) {
  return (
    <Popover
      label="What answered"
      trigger={
        <Button variant="ghost" aria-label="What answered">
          <Gauge aria-hidden />
        </Button>
      }
    >
      <h2 className="font-serif text-xl italic">What answered</h2>
      <p className="text-quiet text-sm">The models that the last turn went through.</p>
      <UsedList used={used} />
    </Popover>
  );
}

export function LatencyChip({ latency, used, transport, readBufferMs }: LatencyChipProps) {
  const bufferMs = useBufferMs(readBufferMs);
  const legs = latency ? latencyLegs(latency, bufferMs) : [];
  const total = latency?.voice_to_voice ?? null;
  if (total === null) return used && <UsedChip used={used} />;
  const end = Math.max(1, ...legs.map((leg) => leg.end));
  return (
    <Popover
      label="Where the time went"
      trigger={
        <Button
          variant="ghost"
          aria-label={`Answered after ${Math.round(total)} milliseconds. Where the time went`}
        >
          <Gauge aria-hidden />
          <span className="tabular-nums">{Math.round(total)} ms</span>
        </Button>
      }
    >
      <h2 className="font-serif text-xl italic">Where the time went</h2>
      <p className="mb-3 text-quiet text-sm">
        From your last word to the first sound of the answer, last turn.
        {transport && ` Connected over ${transportNames[transport]}.`}
      </p>
      <ul className="grid gap-2.5">
        {legs.map((leg) => (
          <Bar key={leg.name} leg={leg} end={end} />
        ))}
      </ul>
      {used && <UsedList used={used} />}
    </Popover>
  );
}
