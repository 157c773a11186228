import type { ClientEvent, ServerEvent } from "../realtime/events";

export type TransportKind = "livekit" | "webrtc" | "websocket";

/** One connection to the server: events both ways, the microphone out, the assistant's voice in. */
export interface VoiceTransport {
  readonly kind: TransportKind;
  /** The assistant's voice, to be played by an `<audio>` element. */
  readonly output: MediaStream;
  send(event: ClientEvent): void;
  /** Null takes the microphone away; a track that is not `enabled` sends silence. */
  setMicrophone(track: MediaStreamTrack | null): Promise<void>;
  /** Silences the assistant: drops what waits to be played, wherever it waits. */
  flush(): void;
  /** How long the browser holds received audio back before playing it, lately; null if unknown. */
  jitterBufferMs(): Promise<number | null>;
  /** Idempotent; `onClosed` is not called after it. */
  close(): void;
}

export type TransportListeners = {
  onEvent(event: ServerEvent): void;
  /** The connection broke; never called before the transport was handed out, as the next is not. */
  onClosed(): void;
  /** The connection holds, and at its other end is somebody new who has heard nothing. */
  onRenewed(): void;
};

/** Opens a transport that is ready for events, or rejects; an abort closes what was begun. */
export type OpenTransport = (listeners: TransportListeners, signal: AbortSignal) => Promise<VoiceTransport>;

/** The server answered, and said no: trying another transport would not help. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** This way of connecting does not work here, another may. */
export class UnusableTransportError extends Error {
  override readonly name = "UnusableTransportError";
}
