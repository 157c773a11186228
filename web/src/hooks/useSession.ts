import { useEffect, useState, useSyncExternalStore } from "react";
import { openMicrophone } from "../audio/microphone";
import { type SessionSnapshot, VoiceSession } from "../session/voice-session";
import { hasLiveKit, renewAccess } from "../status/status";
import { prefer, where } from "../transport/connect";
import { openLiveKit } from "../transport/livekit";
import { openWebRtc } from "../transport/webrtc";
import { openWebSocket } from "../transport/websocket";

function newSession(): VoiceSession {
  // WebRTC first, for its echo cancellation and its behaviour under loss; WebSocket where UDP does not get through.
  const openEmbedded = prefer(openWebRtc, openWebSocket);
  return new VoiceSession({
    openTransport: where(hasLiveKit, prefer(openLiveKit, openEmbedded), openEmbedded),
    openMicrophone,
    renewAccess,
    random: Math.random,
  });
}

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
