import { fetchConnectionDetails } from "./connection-details";
import { type OpenTransport, UnusableTransportError } from "./transport";

/** LiveKit's client is larger than the rest of the page, so only those fetch it who use it. */
export const openLiveKit: OpenTransport = async (listeners, signal) => {
  if (!isSecureContext || typeof RTCPeerConnection === "undefined")
    throw new UnusableTransportError("LiveKit needs WebRTC and a secure page.");
  const [{ joinRoom }, details] = await Promise.all([
    import("./livekit-join"),
    fetchConnectionDetails(signal),
  ]);
  return await joinRoom(details, listeners, signal);
};
