import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Announcer } from "./components/Announcer";
import { AssistantAudio } from "./components/AssistantAudio";
import { Banner } from "./components/Banner";
import { Composer } from "./components/Composer";
import { Controls } from "./components/Controls";
import { Conversation } from "./components/Conversation";
import { Examples } from "./components/Examples";
import { Header } from "./components/Header";
import { InsecureHelp, MicrophoneHelp } from "./components/Help";
import { KeysDialog } from "./components/KeysDialog";
import { Orb, type OrbAction } from "./components/orb/Orb";
import { SoundPanel } from "./components/SoundPanel";
import { Stage } from "./components/Stage";
import { useMeter } from "./hooks/useMeter";
import { useMicrophone } from "./hooks/useMicrophone";
import { usePreferences } from "./hooks/usePreferences";
import { useSession } from "./hooks/useSession";
import { useShortcuts } from "./hooks/useShortcuts";
import { useStatus } from "./hooks/useStatus";
import { useWakeLock } from "./hooks/useWakeLock";
import { presenceOf, presenceWords } from "./session/presence";
import type { SessionSnapshot } from "./session/voice-session";

function orbActionOf({ link, microphone }: SessionSnapshot): OrbAction {
  if (link.phase === "off" || !microphone.stream) return "start";
  return microphone.isMuted ? "unmute" : "mute";
}

function bannerOf({ link }: SessionSnapshot, isReachable: boolean): string | null {
  if (link.phase === "reconnecting") return "The server is gone. Trying to reach it again.";
  return isReachable ? null : "The server cannot be reached. Is Sottovoce running?";
}

export function App() {
  const [session, snapshot] = useSession();
  const [preferences, changePreferences] = usePreferences();
  const { link, conversation, microphone, output } = snapshot;
  const failures = conversation.entries.filter((entry) => entry.kind === "notice" && entry.engine).length;
  const { status, isReachable } = useStatus(`${link.phase} ${failures}`);
  const check = useMicrophone(microphone.stream);
  const hear = useMeter(check.stream);
  const voice = useMeter(output);
  const [hasKeysOpen, setHasKeysOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  const presence = presenceOf(snapshot);
  const isLive = link.phase === "live";
  const isOn = link.phase !== "off";
  const isEmpty = conversation.entries.length === 0;
  const problem = microphone.problem ?? check.problem;
  const action = orbActionOf(snapshot);

  useWakeLock(isLive);
  useEffect(() => void session.chooseMicrophone(preferences.microphone), [session, preferences.microphone]);
  useEffect(() => {
    if (isReachable) void session.retryNow(); // the status is asked for more often than a connection
  }, [session, isReachable]);

  const readBufferMs = useCallback(() => session.jitterBufferMs(), [session]);
  const start = useCallback(() => void session.start(), [session]);
  const write = useCallback((text: string) => void session.write(text), [session]);
  const press = (): void => {
    if (action === "start") start();
    else session.setMuted(action === "mute");
  };
  const shortcuts = useMemo(
    () => ({
      talk: (isHeld: boolean) => void session.talk(isHeld),
      toggleMute: () => session.setMuted(!session.snapshot().microphone.isMuted),
      interrupt: () => session.interrupt(),
      focusText: () => input.current?.focus(),
      showKeys: () => setHasKeysOpen(true),
    }),
    [session],
  );
  useShortcuts(shortcuts, preferences.hasSingleKeys);

  const banner = bannerOf(snapshot, isReachable);
  return (
    <div className="flex h-dvh flex-col">
      {banner && (
        <Banner
          text={banner}
          onRetry={link.phase === "reconnecting" ? () => void session.retryNow() : null}
        />
      )}
      <Header
        status={status}
        theme={preferences.theme}
        onThemeChange={(theme) => changePreferences({ theme })}
        onShowKeys={() => setHasKeysOpen(true)}
      />
      <main className="safe-x flex min-h-0 flex-1 flex-col gap-3 lg:grid lg:grid-cols-[minmax(22rem,2fr)_3fr] lg:gap-8">
        <div className="flex shrink-0 flex-col overflow-y-auto p-1 lg:min-h-0">
          <Stage
            presence={presence}
            snapshot={snapshot}
            isCompact={!isEmpty}
            orb={
              <Orb
                presence={presence}
                action={action}
                isSmall={!isEmpty}
                loudness={presence === "speaking" ? voice : hear}
                onPress={press}
              />
            }
          >
            {isOn && (
              <Controls
                canStop={presence === "speaking" || presence === "thinking"}
                latency={conversation.latency}
                readBufferMs={readBufferMs}
                onStop={shortcuts.interrupt}
                onEnd={() => session.end()}
              />
            )}
            <AssistantAudio stream={output} isHushed={conversation.isHushed} speaker={preferences.speaker} />
            {!window.isSecureContext ? (
              <InsecureHelp />
            ) : (
              problem && <MicrophoneHelp problem={problem} onRetry={start} />
            )}
            {window.isSecureContext && (
              <SoundPanel
                check={check}
                loudness={hear}
                preferences={preferences}
                onChange={changePreferences}
              />
            )}
          </Stage>
        </div>
        <div className="safe-bottom flex min-h-0 flex-1 flex-col gap-3">
          {isEmpty ? (
            <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
              <Examples onChoose={write} />
            </div>
          ) : (
            <Conversation entries={conversation.entries} onStartOver={() => void session.startOver()} />
          )}
          <Composer input={input} onSend={write} />
        </div>
      </main>
      <KeysDialog
        isOpen={hasKeysOpen}
        onOpenChange={setHasKeysOpen}
        hasSingleKeys={preferences.hasSingleKeys}
        onSingleKeysChange={(hasSingleKeys) => changePreferences({ hasSingleKeys })}
      />
      <Announcer entries={conversation.entries} presence={presenceWords[presence]} />
    </div>
  );
}
