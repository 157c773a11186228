import { useEffect, useMemo, useRef, useState } from "react";
import { Announcer } from "./components/Announcer";
import { Banner } from "./components/Banner";
import { Composer } from "./components/Composer";
import { Conversation } from "./components/Conversation";
import { Examples } from "./components/Examples";
import { Header } from "./components/Header";
import { KeysDialog } from "./components/KeysDialog";
import { ModelNews } from "./components/models/ModelNews";
import { Models } from "./components/models/Models";
import { TalkColumn } from "./components/TalkColumn";
import { useModels, useOffer, useWatch } from "./hooks/useModels";
import { usePreferences } from "./hooks/usePreferences";
import { useSession } from "./hooks/useSession";
import { useShortcuts } from "./hooks/useShortcuts";
import { useStatus } from "./hooks/useStatus";
import { useWakeLock } from "./hooks/useWakeLock";
import { isOpen } from "./models/offer";
import { awaitedModels } from "./models/shelf";
import { presenceOf, presenceWords } from "./session/presence";
import type { SessionSnapshot } from "./session/voice-session";
import { isDownloading, isStarting } from "./status/summary";

function bannerOf({ link }: SessionSnapshot, isReachable: boolean): string | null {
  if (link.phase === "reconnecting") return link.problem ?? "The server is gone. Trying to reach it again.";
  return isReachable ? null : "The server cannot be reached. Is Sottovoce running?";
}

export function App() {
  const [session, snapshot] = useSession();
  const [preferences, changePreferences] = usePreferences();
  const { link, conversation } = snapshot;
  const failures = conversation.entries.filter((entry) => entry.kind === "notice" && entry.engine).length;
  const [feed, models] = useModels();
  const stages = awaitedModels(models.shelf).map(({ id, state }) => `${id} ${state}`);
  const { status, isReachable } = useStatus([link.phase, failures, ...stages].join());
  const [hasKeysOpen, setHasKeysOpen] = useState(false);
  const [hasModelsOpen, setHasModelsOpen] = useState(false);
  const found = useOffer(status?.profile === "auto" && !preferences.isOfferDismissed);
  useWatch(feed, hasModelsOpen || (status !== null && isDownloading(status)));
  const offer = found && !preferences.isOfferDismissed && isOpen(found, models.shelf) ? found : null;
  const input = useRef<HTMLInputElement>(null);

  useWakeLock(link.phase === "live");
  useEffect(() => void session.chooseMicrophone(preferences.microphone), [session, preferences.microphone]);
  useEffect(() => {
    if (isReachable) void session.retryNow(); // the status is asked for more often than a connection
  }, [session, isReachable]);

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
  const retry = link.phase === "reconnecting" ? () => void session.retryNow() : null;
  const write = (text: string): void => void session.write(text);
  const news = (
    <ModelNews
      feed={feed}
      snapshot={models}
      offer={offer}
      isCompact={conversation.entries.length > 0}
      onDecline={() => changePreferences({ isOfferDismissed: true })}
      onShowAll={() => setHasModelsOpen(true)}
    />
  );
  return (
    <div className="flex h-dvh flex-col">
      {banner && <Banner text={banner} onRetry={retry} />}
      <Header
        status={status}
        theme={preferences.theme}
        onThemeChange={(theme) => changePreferences({ theme })}
        onShowModels={() => setHasModelsOpen(true)}
        onShowKeys={() => setHasKeysOpen(true)}
      />
      <main className="safe-x flex min-h-0 flex-1 flex-col gap-3 lg:grid lg:grid-cols-[minmax(22rem,2fr)_3fr] lg:gap-8">
        <div className="flex max-h-[75%] shrink-0 flex-col overflow-y-auto p-1 lg:max-h-none lg:min-h-0">
          <TalkColumn
            session={session}
            snapshot={snapshot}
            isStarting={isReachable && status !== null && isStarting(status)}
            preferences={preferences}
            onPreferencesChange={changePreferences}
          />
        </div>
        <div className="safe-bottom flex min-h-0 flex-1 flex-col gap-3">
          {conversation.entries.length === 0 ? (
            <div className="flex min-h-0 flex-1 flex-col overflow-y-auto">
              {news}
              <Examples onChoose={write} />
            </div>
          ) : (
            <>
              {news}
              <Conversation entries={conversation.entries} />
            </>
          )}
          <Composer input={input} onSend={write} />
        </div>
      </main>
      <Models feed={feed} snapshot={models} isOpen={hasModelsOpen} onOpenChange={setHasModelsOpen} />
      <KeysDialog
        isOpen={hasKeysOpen}
        onOpenChange={setHasKeysOpen}
        hasSingleKeys={preferences.hasSingleKeys}
        onSingleKeysChange={(hasSingleKeys) => changePreferences({ hasSingleKeys })}
      />
      <Announcer entries={conversation.entries} presence={presenceWords[presenceOf(snapshot)]} />
    </div>
  );
}
