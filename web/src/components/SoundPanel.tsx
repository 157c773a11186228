import { SlidersHorizontal } from "lucide-react";
import type { MicrophoneCheck } from "../hooks/useMicrophone";
import type { Preferences } from "../session/preferences";
import { LevelMeter } from "./LevelMeter";
import { Button } from "./ui/button";
import { Popover } from "./ui/popover";
import { Select } from "./ui/select";

type SoundPanelProps = {
  /** Only the icon, where room is short. */
  isCompact: boolean;
  check: MicrophoneCheck;
  loudness: () => number;
  preferences: Preferences;
  onChange(change: Partial<Preferences>): void;
};

const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;
const DEFAULT = "";

const choices = (devices: MediaDeviceInfo[], chosen: string | null, kind: string) => [
  { value: DEFAULT, label: "System default" },
  ...devices.map(({ deviceId, label }, index) => ({
    value: deviceId,
    label: label || `${kind} ${index + 1}`,
  })),
  // One that is unplugged, or that the browser has not named yet, stays chosen.
  ...(chosen && !devices.some(({ deviceId }) => deviceId === chosen)
    ? [{ value: chosen, label: `The ${kind.toLowerCase()} chosen before` }]
    : []),
];

export function SoundPanel({ isCompact, check, loudness, preferences, onChange }: SoundPanelProps) {
  const chooseMicrophone = (value: string): void => {
    const microphone = value === DEFAULT ? null : value;
    onChange({ microphone });
    if (check.stream) void check.check(microphone);
  };
  return (
    <Popover
      label="Microphone and loudspeaker"
      onOpenChange={(isOpen) => {
        if (!isOpen) check.stop();
      }}
      trigger={
        <Button variant={isCompact ? "icon" : "ghost"}>
          <SlidersHorizontal aria-hidden />
          <span className={isCompact ? "sr-only" : undefined}>Microphone and loudspeaker</span>
        </Button>
      }
    >
      <div className="grid gap-3">
        <Select
          label="Microphone"
          value={preferences.microphone ?? DEFAULT}
          options={choices(check.devices.microphones, preferences.microphone, "Microphone")}
          onChange={chooseMicrophone}
        />
        {check.stream ? (
          <LevelMeter loudness={loudness} />
        ) : (
          <Button onClick={() => void check.check(preferences.microphone)}>Check the microphone</Button>
        )}
        {canChooseSpeaker && (
          <Select
            label="Loudspeaker"
            value={preferences.speaker ?? DEFAULT}
            options={choices(check.devices.speakers, preferences.speaker, "Loudspeaker")}
            onChange={(value) => onChange({ speaker: value === DEFAULT ? null : value })}
          />
        )}
      </div>
    </Popover>
  );
}
