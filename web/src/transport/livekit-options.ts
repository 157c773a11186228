import { LogLevel, type RoomConnectOptions, type RoomOptions, setLogLevel } from "livekit-client";

setLogLevel(LogLevel.error); // it tells the console of each of its steps otherwise

/** For as long a room is resumed after a short loss; what is lost for longer gets a new one. */
export const RESUME_MS = 3_000;
const RESUME_PAUSE_MS = 300;
/** UDP connects at once, TCP within seconds where UDP does not get through. */
const MEDIA_TIMEOUT_MS = 6_000;
const SIGNAL_TIMEOUT_MS = 5_000;
/** Far over the longest event; keeps what is packed small from unpacking to more than a page can hold. */
const MAX_EVENT_BYTES = 1024 * 1024;

export const ROOM_OPTIONS: RoomOptions = {
  adaptiveStream: false,
  dynacast: false,
  reconnectPolicy: {
    nextRetryDelayInMs: ({ elapsedMs, retryCount }) => {
      if (elapsedMs > RESUME_MS) return null;
      return retryCount === 0 ? 0 : RESUME_PAUSE_MS;
    },
  },
  dataStream: { maxPayloadByteLength: MAX_EVENT_BYTES },
};

export const CONNECT_OPTIONS: RoomConnectOptions = {
  rtcConfig: { iceServers: [] }, // no STUN: nobody outside learns of the call
  maxRetries: 0, // the session tries again, and meanwhile says so
  peerConnectionTimeout: MEDIA_TIMEOUT_MS,
  websocketTimeout: SIGNAL_TIMEOUT_MS,
};
