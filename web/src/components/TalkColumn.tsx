import { useCallback } from "react";
import { useMeter } from "../hooks/useMeter";
import { useMicrophone } from "../hooks/useMicrophone";
import { useReducedMotion } from "../hooks/useReducedMotion";
import type { Preferences } from "../session/preferences";
import { presenceOf } from "../session/presence";
import type { SessionSnapshot, VoiceSession } from "../session/voice-session";
import { AssistantAudio } from "./AssistantAudio";
import { Controls } from "./Controls";
import { MicrophoneHelp } from "./Help";
import { LatencyChip } from "./LatencyChip";
import { LevelMeter } from "./LevelMeter";
import { Orb, type OrbAction } from "./orb/Orb";
import { SoundPanel } from "./SoundPanel";
import { Stage } from "./Stage";

function orbActionOf({ link, microphone }: SessionSnapshot): OrbAction {
  if (link.phase === "off" || !microphone.stream) return "start";
  return microphone.isMuted ? "unmute" : "mute";
}

type TalkColumnProps = {
  session: VoiceSession;
  snapshot: SessionSnapshot;
  isStarting: boolean;
  preferences: Preferences;
  onPreferencesChange(change: Partial<Preferences>): void;
};

/** The orb and everything about hearing and being heard. */
export function TalkColumn({
  session,
  snapshot,
  isStarting,
  preferences,
  onPreferencesChange,
}: TalkColumnProps) {
  const { link, conversation, microphone, output } = snapshot;
  const check = useMicrophone(microphone.stream);
  const hear = useMeter(check.stream);
  const voice = useMeter(output);
  const isStill = useReducedMotion(); // then the orb does not show how loud it is
  const readBufferMs = useCallback(() => session.jitterBufferMs(), [session]);

  const presence = presenceOf(snapshot);
  const action = orbActionOf(snapshot);
  const isOn = link.phase !== "off";
  const isEmpty = conversation.entries.length === 0;
  const problem = window.isSecureContext ? (microphone.problem ?? check.problem) : "insecure";
  const isCompact = !isEmpty || problem !== null;
  const start = (): void => void session.start();

  const orb = (
    <Orb
      presence={presence}
      action={action}
      isSmall={isCompact}
      loudness={presence === "speaking" ? voice : hear}
      onPress={() => (action === "start" ? start() : session.setMuted(action === "mute"))}
    />
  );
  return (
    <Stage
      presence={presence}
      snapshot={snapshot}
      isStarting={isStarting}
      isCompact={isCompact}
      orb={orb}
      measure={
        <>
          {isStill && microphone.stream && <LevelMeter loudness={hear} hasHint={false} />}
          <LatencyChip
            latency={conversation.latency}
            used={conversation.used}
            transport={link.phase === "live" ? link.kind : null}
            readBufferMs={readBufferMs}
          />
        </>
      }
    >
      <Controls
        isOn={isOn}
        canStop={presence === "speaking" || presence === "thinking"}
        canStartOver={!isEmpty}
        onStop={() => session.interrupt()}
        onEnd={() => session.end()}
        onStartOver={() => void session.startOver()}
      >
        {window.isSecureContext && (
          <SoundPanel
            isCompact={isOn || isCompact}
            check={check}
            loudness={hear}
            preferences={preferences}
            onChange={onPreferencesChange}
          />
        )}
      </Controls>
      <AssistantAudio stream={output} isHushed={conversation.isHushed} speaker={preferences.speaker} />
      {problem && <MicrophoneHelp problem={problem} onRetry={start} />}
    </Stage>
  );
}
