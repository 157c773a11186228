import { type OpenTransport, RefusedError, UnusableTransportError } from "./transport";

/**
 * WebRTC first, for its echo cancellation and its behaviour under loss; WebSocket where UDP does not get through.
 * A way that failed once is not tried again by the returned function, so that reconnecting is quick.
 */
export function preferWebRtc(openWebRtc: OpenTransport, openWebSocket: OpenTransport): OpenTransport {
  let isWebRtcUsable = true;
  return async (listeners, signal) => {
    if (isWebRtcUsable) {
      try {
        return await openWebRtc(listeners, signal);
      } catch (error) {
        if (signal.aborted || error instanceof RefusedError) throw error;
        if (error instanceof UnusableTransportError) isWebRtcUsable = false;
      }
    }
    return await openWebSocket(listeners, signal);
  };
}
