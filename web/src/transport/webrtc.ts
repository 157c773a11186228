import { type ClientEvent, parseServerEvent } from "../realtime/events";
import { JitterMeter } from "./jitter";
import { refusalOf } from "./refusal";
import {
  type OpenTransport,
  type TransportListeners,
  UnusableTransportError,
  type VoiceTransport,
} from "./transport";

const CALLS_URL = "/v1/realtime/calls?extensions=sottovoce";
/** On a network that lets UDP through a call connects within a second. */
const CONNECT_TIMEOUT_MS = 4_000;
/** A connection that ICE calls disconnected often comes back by itself; after this long it is given up. */
const DISCONNECTED_TIMEOUT_MS = 4_000;

export const openWebRtc: OpenTransport = async (listeners, signal) => {
  if (typeof RTCPeerConnection === "undefined")
    throw new UnusableTransportError("This browser has no WebRTC.");
  const call = new Call(listeners);
  const giveUp = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]);
  try {
    await call.connect(giveUp);
    return call;
  } catch (error) {
    call.close();
    if (giveUp.aborted && !signal.aborted)
      throw new UnusableTransportError("No media connection came about.");
    throw error;
  }
};

class Call implements VoiceTransport {
  readonly kind = "webrtc";
  readonly output = new MediaStream();
  readonly #peer = new RTCPeerConnection({ iceServers: [] }); // no STUN: nobody outside learns of the call
  readonly #channel = this.#peer.createDataChannel("oai-events");
  readonly #audio = this.#peer.addTransceiver("audio", { direction: "sendrecv" });
  readonly #listeners: TransportListeners;
  #isOpen = false;
  #disconnectedTimer: number | undefined;
  readonly #jitter = new JitterMeter();

  constructor(listeners: TransportListeners) {
    this.#listeners = listeners;
    this.#peer.ontrack = ({ track }) => this.output.addTrack(track);
    this.#peer.onconnectionstatechange = () => this.#watchConnection();
    this.#channel.onclose = () => this.#broke();
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      const event = typeof data === "string" ? parseServerEvent(data) : null;
      if (event) this.#listeners.onEvent(event);
    };
  }

  async connect(signal: AbortSignal): Promise<void> {
    await this.#peer.setLocalDescription();
    const response = await fetch(CALLS_URL, {
      method: "POST",
      headers: { "Content-Type": "application/sdp" },
      body: this.#peer.localDescription?.sdp ?? "",
      signal,
    });
    if (!response.ok) throw await refusalOf(response);
    await this.#peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    await this.#opened(signal);
    this.#isOpen = true;
  }

  send(event: ClientEvent): void {
    if (this.#channel.readyState === "open") this.#channel.send(JSON.stringify(event));
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    await this.#audio.sender.replaceTrack(track);
  }

  /** The server holds what waits to be played; the browser's own buffer is some 60 ms. */
  flush(): void {
    this.send({ type: "output_audio_buffer.clear" });
  }

  async jitterBufferMs(): Promise<number | null> {
    return await this.#jitter.read(this.#audio.receiver);
  }

  close(): void {
    this.#isOpen = false;
    clearTimeout(this.#disconnectedTimer);
    this.#channel.close();
    this.#peer.close();
  }

  #opened(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(new UnusableTransportError("No media connection came about."));
      this.#channel.addEventListener("open", () => resolve());
      this.#channel.addEventListener("close", fail);
      this.#peer.addEventListener("connectionstatechange", () => {
        if (this.#peer.connectionState === "failed") fail();
      });
      signal.addEventListener("abort", fail);
      if (signal.aborted) fail();
    });
  }

  #watchConnection(): void {
    clearTimeout(this.#disconnectedTimer);
    const state = this.#peer.connectionState;
    if (state === "failed" || state === "closed") this.#broke();
    if (state === "disconnected") {
      this.#disconnectedTimer = window.setTimeout(() => this.#broke(), DISCONNECTED_TIMEOUT_MS);
    }
  }

  #broke(): void {
    if (!this.#isOpen) return;
    this.close();
    this.#listeners.onClosed();
  }
}
