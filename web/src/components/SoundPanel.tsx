import * as Collapsible from "@radix-ui/react-collapsible";
import { ChevronRight, SlidersHorizontal } from "lucide-react";
import type { MicrophoneCheck } from "../hooks/useMicrophone";
import type { Preferences } from "../session/preferences";
import { LevelMeter } from "./LevelMeter";
import { Button } from "./ui/button";
import { Select } from "./ui/select";

type SoundPanelProps = {
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

export function SoundPanel({ check, loudness, preferences, onChange }: SoundPanelProps) {
  const chooseMicrophone = (value: string): void => {
    const microphone = value === DEFAULT ? null : value;
    onChange({ microphone });
    if (check.stream) void check.check(microphone);
  };
  return (
    <Collapsible.Root
      className="w-full max-w-sm"
      onOpenChange={(isOpen) => {
        if (!isOpen) check.stop();
      }}
    >
      <Collapsible.Trigger asChild>
        <Button variant="ghost" className="group mx-auto flex">
          <SlidersHorizontal aria-hidden /> Microphone and loudspeaker
          <ChevronRight aria-hidden className="transition-transform group-data-[state=open]:rotate-90" />
        </Button>
      </Collapsible.Trigger>
      <Collapsible.Content>
        <div className="mt-2 grid gap-3 rounded-2xl border border-rule bg-sheet p-4">
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
      </Collapsible.Content>
    </Collapsible.Root>
  );
}
