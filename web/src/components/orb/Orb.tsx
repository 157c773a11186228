import { clsx } from "clsx";
import { Mic, MicOff } from "lucide-react";
import type { MouseEvent } from "react";
import { type Presence, presenceColours } from "../../session/presence";
import { OrbCanvas } from "./OrbCanvas";

export type OrbAction = "start" | "mute" | "unmute";

const labels: Record<OrbAction, string> = {
  start: "Start talking",
  mute: "Mute microphone",
  unmute: "Unmute microphone",
};
const captions: Record<OrbAction, string> = { start: "Start", mute: "Mute", unmute: "Unmute" };

type OrbProps = {
  presence: Presence;
  action: OrbAction;
  isSmall: boolean;
  loudness: () => number;
  onPress(): void;
};

export function Orb({ presence, action, isSmall, loudness, onPress }: OrbProps) {
  const press = (event: MouseEvent<HTMLButtonElement>): void => {
    // Pressed by pointer it gives the focus back, so that Space is the talk key and not this button's.
    if (event.detail > 0) event.currentTarget.blur();
    onPress();
  };
  const Icon = action === "unmute" ? MicOff : Mic;
  return (
    <button
      type="button"
      aria-label={labels[action]}
      onClick={press}
      className={clsx(
        "group relative grid aspect-square place-items-center rounded-full transition-[width,scale] duration-500 active:scale-[0.98]",
        isSmall ? "w-32 shrink-0 lg:w-72" : "w-56 sm:w-64 lg:w-72",
        presenceColours[presence],
      )}
    >
      <OrbCanvas presence={presence} loudness={loudness} />
      <span className="relative grid justify-items-center gap-1">
        <Icon aria-hidden className={isSmall ? "size-7 lg:size-9" : "size-9"} strokeWidth={1.5} />
        <span className={clsx("font-medium text-sm", isSmall && "sr-only lg:not-sr-only")}>
          {captions[action]}
        </span>
      </span>
    </button>
  );
}
