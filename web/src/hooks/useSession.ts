import { useEffect, useState, useSyncExternalStore } from "react";
import { openMicrophone } from "../audio/microphone";
import { type SessionSnapshot, VoiceSession } from "../session/voice-session";
import { renewAccess } from "../status/status";
import { preferWebRtc } from "../transport/connect";
import { openWebRtc } from "../transport/webrtc";
import { openWebSocket } from "../transport/websocket";

const newSession = (): VoiceSession =>
  new VoiceSession({
    openTransport: preferWebRtc(openWebRtc, openWebSocket),
    openMicrophone,
    renewAccess,
    random: Math.random,
  });

export function useSession(): [VoiceSession, SessionSnapshot] {
  const [session] = useState(newSession);
  const snapshot = useSyncExternalStore(session.subscribe, session.snapshot);
  useEffect(() => {
    const retry = (): void => void session.retryNow();
    window.addEventListener("online", retry);
    return () => {
      window.removeEventListener("online", retry);
      session.end();
    };
  }, [session]);
  return [session, snapshot];
}
