import { type ClientEvent, parseServerEvent, type ServerEvent } from "../realtime/events";
import { Capture } from "./capture";
import { WIRE_RATE_HZ } from "./pcm";
import type { Position } from "./playout-queue";
import { refusalOf } from "./refusal";
import { Speaker } from "./speaker";
import {
  type OpenTransport,
  type TransportListeners,
  UnusableTransportError,
  type VoiceTransport,
} from "./transport";

const REALTIME_PATH = "/v1/realtime?model=sottovoce&extensions=sottovoce";
const CONNECT_TIMEOUT_MS = 5_000;
/** About four seconds of microphone: what waits longer is stale, and is dropped to let the rest catch up. */
const MAX_BUFFERED_BYTES = 256 * 1024;

export const openWebSocket: OpenTransport = async (listeners, signal) => {
  const socket = new WebSocket(new URL(REALTIME_PATH, location.href.replace(/^http/, "ws")));
  const giveUp = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
  // Without a secure context there is no AudioWorklet: then the words are shown and not heard.
  const speaker = isSecureContext ? await Speaker.open() : null;
  try {
    await opened(socket, giveUp);
    return new Socket(socket, speaker, listeners);
  } catch (error) {
    socket.close();
    speaker?.close();
    throw signal.aborted ? error : await reasonFor(error);
  }
};

/** A browser does not tell why a handshake was refused, so the server is asked in a way that shows it. */
async function reasonFor(error: unknown): Promise<unknown> {
  const response = await fetch("/api/status", { cache: "no-store" }).catch(() => null);
  return response && !response.ok ? await refusalOf(response) : error;
}

function opened(socket: WebSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new UnusableTransportError("The server cannot be reached."));
    if (socket.readyState === WebSocket.OPEN) resolve();
    if (socket.readyState >= WebSocket.CLOSING || signal.aborted) fail();
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("close", fail);
    signal.addEventListener("abort", fail);
  });
}

class Socket implements VoiceTransport {
  readonly kind = "websocket";
  readonly output: MediaStream;
  readonly #socket: WebSocket;
  readonly #speaker: Speaker | null;
  readonly #listeners: TransportListeners;
  #capture: Capture | null = null;
  #playing: string | null = null;
  #dropped: string | null = null;
  #isClosed = false;

  constructor(socket: WebSocket, speaker: Speaker | null, listeners: TransportListeners) {
    this.#socket = socket;
    this.#speaker = speaker;
    this.#listeners = listeners;
    this.output = speaker?.output ?? new MediaStream();
    if (speaker) speaker.onFlushed = (position) => this.#truncate(position);
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      const event = typeof data === "string" ? parseServerEvent(data) : null;
      if (event) this.#receive(event);
    };
    socket.onclose = () => this.#broke();
  }

  send(event: ClientEvent): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(event));
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    const capture = track && (await Capture.open(track, (audio) => this.#append(audio)));
    this.#capture?.close();
    this.#capture = capture;
    if (this.#isClosed) capture?.close();
  }

  flush(): void {
    this.#dropped = this.#playing;
    this.#speaker?.flush();
  }

  async jitterBufferMs(): Promise<number | null> {
    return this.#playing && this.#speaker ? await this.#speaker.queuedMs() : null;
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.close();
    this.#capture?.close();
    this.#speaker?.close();
  }

  #receive(event: ServerEvent): void {
    if (event.type === "response.output_audio.delta") {
      if (event.response_id === this.#dropped) return; // was on its way when it was flushed
      this.#playing = event.response_id;
      this.#speaker?.play(event.item_id, event.delta);
    }
    if (event.type === "response.done" && event.response.status === "cancelled") this.flush();
    this.#listeners.onEvent(event);
  }

  #append(audio: string): void {
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) return;
    this.send({ type: "input_audio_buffer.append", audio });
  }

  /** Only this end knows how much of the reply was played. */
  #truncate(position: Position | null): void {
    if (!position) return;
    this.send({
      type: "conversation.item.truncate",
      item_id: position.item,
      content_index: 0,
      audio_end_ms: Math.round((position.samples / WIRE_RATE_HZ) * 1000),
    });
  }

  #broke(): void {
    if (this.#isClosed) return;
    this.close();
    this.#listeners.onClosed();
  }
}
