import { type OpenTransport, RefusedError, UnusableTransportError } from "./transport";

/**
 * The better transport first, the other where that one does not get through. Once the other has worked where
 * the better one did not, it comes first, so that reconnecting is quick.
 */
export function prefer(better: OpenTransport, other: OpenTransport): OpenTransport {
  let isBetterUsable = true;
  return async (listeners, signal) => {
    if (!isBetterUsable) return await other(listeners, signal);
    try {
      return await better(listeners, signal);
    } catch (error) {
      if (signal.aborted || error instanceof RefusedError) throw error;
      const transport = await other(listeners, signal);
      isBetterUsable = !(error instanceof UnusableTransportError);
      return transport;
    }
  };
}

/** `chosen` where the server, asked before each connection, says yes; `usual` otherwise. */
export function where(
  isChosen: () => Promise<boolean>,
  chosen: OpenTransport,
  usual: OpenTransport,
): OpenTransport {
  return async (listeners, signal) => {
    const open = (await isChosen()) ? chosen : usual;
    signal.throwIfAborted();
    return await open(listeners, signal);
  };
}
