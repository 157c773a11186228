import { PhoneOff, RotateCcw, Square } from "lucide-react";
import type { MouseEvent, ReactNode } from "react";
import { Button } from "./ui/button";

type ControlsProps = {
  isOn: boolean;
  canStop: boolean;
  canStartOver: boolean;
  onStop(): void;
  onEnd(): void;
  onStartOver(): void;
  children: ReactNode;
};

/** What is pressed by pointer gives the focus back, so that Space stays the talk key. */
const pressing = (action: () => void) => (event: MouseEvent<HTMLButtonElement>) => {
  if (event.detail > 0) event.currentTarget.blur();
  action();
};

export function Controls({
  isOn,
  canStop,
  canStartOver,
  onStop,
  onEnd,
  onStartOver,
  children,
}: ControlsProps) {
  return (
    <div className="flex flex-wrap items-center justify-center gap-2">
      {isOn && (
        <>
          <Button onClick={pressing(onStop)} disabled={!canStop}>
            <Square aria-hidden /> Stop
          </Button>
          <Button variant="danger" onClick={pressing(onEnd)}>
            <PhoneOff aria-hidden /> End
          </Button>
        </>
      )}
      {children}
      {canStartOver && (
        <Button variant="icon" aria-label="Start over" onClick={pressing(onStartOver)}>
          <RotateCcw aria-hidden />
        </Button>
      )}
    </div>
  );
}
