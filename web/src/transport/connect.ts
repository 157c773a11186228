import { type OpenTransport, RefusedError, UnusableTransportError } from "./transport";

/**
 * WebRTC first, for its echo cancellation and its behaviour under loss; WebSocket where UDP does not get through.
 * Once WebSocket has worked where WebRTC did not, it comes first, so that reconnecting is quick.
 */
export function preferWebRtc(openWebRtc: OpenTransport, openWebSocket: OpenTransport): OpenTransport {
  let isWebRtcUsable = true;
  return async (listeners, signal) => {
    if (!isWebRtcUsable) return await openWebSocket(listeners, signal);
    try {
      return await openWebRtc(listeners, signal);
    } catch (error) {
      if (signal.aborted || error instanceof RefusedError) throw error;
      const transport = await openWebSocket(listeners, signal);
      isWebRtcUsable = !(error instanceof UnusableTransportError);
      return transport;
    }
  };
}
