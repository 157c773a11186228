import { PhoneOff, Square } from "lucide-react";
import type { MouseEvent } from "react";
import type { LatencyMs } from "../realtime/events";
import { LatencyChip } from "./LatencyChip";
import { Button } from "./ui/button";

type ControlsProps = {
  canStop: boolean;
  latency: LatencyMs | null;
  readBufferMs(): Promise<number | null>;
  onStop(): void;
  onEnd(): void;
};

/** What is pressed by pointer gives the focus back, so that Space stays the talk key. */
const pressing = (action: () => void) => (event: MouseEvent<HTMLButtonElement>) => {
  if (event.detail > 0) event.currentTarget.blur();
  action();
};

export function Controls({ canStop, latency, readBufferMs, onStop, onEnd }: ControlsProps) {
  return (
    <div className="flex flex-wrap items-center justify-center gap-2">
      <Button onClick={pressing(onStop)} disabled={!canStop}>
        <Square aria-hidden /> Stop
      </Button>
      <Button variant="danger" onClick={pressing(onEnd)}>
        <PhoneOff aria-hidden /> End
      </Button>
      <LatencyChip latency={latency} readBufferMs={readBufferMs} />
    </div>
  );
}
