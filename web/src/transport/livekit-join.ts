import { ConnectionError, ConnectionErrorReason, Room } from "livekit-client";
import type { ConnectionDetails } from "./connection-details";
import { RoomMicrophone } from "./livekit-microphone";
import { ROOM_OPTIONS } from "./livekit-options";
import { type CallRoom, type Microphone, RoomCall } from "./livekit-room";
import { type TransportListeners, UnusableTransportError, type VoiceTransport } from "./transport";

/** Resolves when the assistant is in the room, has begun a session and can be heard. */
export async function joinRoom(
  details: ConnectionDetails,
  listeners: TransportListeners,
  signal: AbortSignal,
  room: CallRoom = new Room(ROOM_OPTIONS),
  microphone: Microphone = new RoomMicrophone(),
): Promise<VoiceTransport> {
  const call = new RoomCall(room, microphone, listeners);
  const abort = (): void => call.close();
  signal.addEventListener("abort", abort);
  try {
    signal.throwIfAborted();
    await call.join(details);
    return call;
  } catch (error) {
    call.close();
    throw isWithoutMedia(error) ? new UnusableTransportError("LiveKit's media does not get through.") : error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

const isWithoutMedia = (error: unknown): boolean =>
  error instanceof ConnectionError && error.reason === ConnectionErrorReason.InternalError;
