import { useEffect, useState } from "react";
import { useReducedMotion } from "../hooks/useReducedMotion";

const STEP_MS = 60;
/** Where motion is not wanted the bar takes a step now and then. */
const CALM_STEP_MS = 500;
/** A microphone that hears less than this for so long is probably muted by a switch, or the wrong one. */
const SILENT = 0.04;
const SILENT_FOR_MS = 4_000;

type LevelMeterProps = { loudness: () => number; hasHint?: boolean };

export function LevelMeter({ loudness, hasHint = true }: LevelMeterProps) {
  const isCalm = useReducedMotion();
  const [level, setLevel] = useState(0);
  const [quietMs, setQuietMs] = useState(0);
  useEffect(() => {
    const step = isCalm ? CALM_STEP_MS : STEP_MS;
    const timer = setInterval(() => {
      const current = loudness();
      setLevel(current);
      setQuietMs((before) => (current < SILENT ? before + step : 0));
    }, step);
    return () => clearInterval(timer);
  }, [isCalm, loudness]);
  const percent = Math.round(level * 100);
  return (
    <div>
      {/* biome-ignore lint/a11y/useSemanticElements: browsers draw <meter> each in its own colours */}
      <div
        role="meter"
        aria-label="Microphone level"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        className="h-2.5 overflow-hidden rounded-full bg-sunken"
      >
        <div className="h-full rounded-full bg-listening" style={{ width: `${percent}%` }} />
      </div>
      <p className={hasHint ? "mt-1.5 text-quiet text-sm" : "hidden"}>
        {quietMs >= SILENT_FOR_MS
          ? "Nothing is heard. Is it the right microphone, and is it switched on?"
          : "Say something: the bar should move."}
      </p>
    </div>
  );
}
