import { type RemoteParticipant, type RemoteTrack, type Room, RoomEvent, Track } from "livekit-client";
import { type ClientEvent, parseServerEvent } from "../realtime/events";
import { AssistantWatch } from "./assistant-watch";
import type { ConnectionDetails } from "./connection-details";
import { deferred } from "./deferred";
import { EventStreams, type StreamingRoom } from "./event-streams";
import { JitterMeter } from "./jitter";
import type { MicrophonePublisher, RoomMicrophone } from "./livekit-microphone";
import { CONNECT_OPTIONS } from "./livekit-options";
import { ASKING_MS, type Caller, isAlive } from "./sign-of-life";
import {
  RefusedError,
  type TransportListeners,
  UnusableTransportError,
  type VoiceTransport,
} from "./transport";

/** A worker that is free is there within a second; a busy machine needs several. */
export const ASSISTANT_TIMEOUT_MS = 10_000;
/** What may be sent while the assistant is away: a restored conversation, and the impatience of a few seconds. */
export const MAX_WAITING_EVENTS = 64;

const NOBODY_FREE =
  "No assistant is free to join the conversation: its worker is busy, or does not run. " +
  "Try again in a moment; if that does not help, the server needs another worker.";
const NOT_BEGUN =
  "The assistant came and did not begin the conversation. Try again in a moment; the worker's log says more.";

type Member = Pick<RemoteParticipant, "identity" | "isAgent">;

/** What is used of a room: a test puts its own in the place of LiveKit's. */
export type CallRoom = Pick<Room, "on" | "connect" | "disconnect"> &
  StreamingRoom & {
    readonly remoteParticipants: ReadonlyMap<string, Member>;
    readonly localParticipant: Caller & MicrophonePublisher;
  };
export type Microphone = Pick<RoomMicrophone, "publish" | "set" | "close">;

/** A call by a room; `join` it before anything else. */
export class RoomCall implements VoiceTransport {
  readonly kind = "livekit";
  readonly #room: CallRoom;
  readonly #microphone: Microphone;
  readonly #listeners: TransportListeners;
  readonly #assistant = new AssistantWatch({
    onReturn: () => this.#sendWaiting(),
    onReplaced: () => {
      this.#session = null;
      this.#voice = null;
      this.#isRenewing = true;
    },
    onGone: () => this.#broke(),
  });
  readonly #jitter = new JitterMeter();
  readonly #begun = deferred<void>();
  readonly #audible = deferred<void>();
  readonly #failed = deferred<never>();
  readonly #waiting: ClientEvent[] = [];
  readonly #events: EventStreams;
  #output = new MediaStream();
  #voice: RemoteTrack | null = null;
  #session: string | null = null;
  /** Another assistant has come, and either has not begun or cannot be heard yet. */
  #isRenewing = false;
  #asking: number | undefined;
  #isOpen = false;
  #isClosed = false;

  constructor(room: CallRoom, microphone: Microphone, listeners: TransportListeners) {
    this.#room = room;
    this.#microphone = microphone;
    this.#listeners = listeners;
    this.#failed.promise.catch(() => undefined); // it may fail while nobody waits for it
    // Whom they are from is known only once the assistant is.
    this.#events = new EventStreams(room, this.#assistant.met, {
      onText: (text, from) => this.#read(text, from),
      onLost: () => this.#broke(),
    });
    room
      .on(RoomEvent.ParticipantConnected, (participant) => this.#meet(participant))
      .on(RoomEvent.ParticipantDisconnected, ({ identity }) => this.#assistant.left(identity))
      .on(RoomEvent.TrackSubscribed, (track, _, participant) => this.#hear(track, participant))
      .on(RoomEvent.TrackUnsubscribed, (track) => this.#output.removeTrack(track.mediaStreamTrack))
      // The client would enter anew, perhaps to an assistant that has heard nothing: a new room is as good.
      .on(RoomEvent.Reconnecting, () => this.#broke())
      .on(RoomEvent.Disconnected, () => this.#broke());
  }

  async join({ server_url, participant_token }: ConnectionDetails): Promise<void> {
    await this.#room.connect(server_url, participant_token, CONNECT_OPTIONS);
    for (const participant of this.#room.remoteParticipants.values()) this.#meet(participant);
    const timer = window.setTimeout(() => this.#failed.reject(this.#whatIsMissing()), ASSISTANT_TIMEOUT_MS);
    const published = this.#microphone.publish(this.#room.localParticipant);
    const isReady = Promise.all([published, this.#begun.promise, this.#audible.promise]);
    await Promise.race([isReady, this.#failed.promise]).finally(() => clearTimeout(timer));
    this.#isOpen = true;
    this.#asking = window.setInterval(() => void this.#askForSignOfLife(), ASKING_MS);
  }

  get output(): MediaStream {
    return this.#output;
  }

  send(event: ClientEvent): void {
    if (!this.#isOpen) return;
    if (this.#assistant.isHere && !this.#isRenewing) this.#deliver(event);
    else if (this.#waiting.push(event) > MAX_WAITING_EVENTS) this.#broke();
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    await this.#microphone.set(track);
  }

  /** The assistant holds what waits to be played; the browser's own buffer is some 60 ms. */
  flush(): void {
    this.send({ type: "output_audio_buffer.clear" });
  }

  async jitterBufferMs(): Promise<number | null> {
    const receiver = this.#voice?.receiver;
    return receiver ? await this.#jitter.read(receiver) : null;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isOpen = false;
    clearInterval(this.#asking);
    this.#failed.reject(new Error("The room was left."));
    this.#assistant.close();
    void this.#room.disconnect();
    this.#microphone.close();
  }

  #meet({ identity, isAgent }: Member): void {
    if (isAgent) this.#assistant.came(identity);
  }

  async #askForSignOfLife(): Promise<void> {
    const identity = this.#assistant.identity ?? "";
    if (await isAlive(this.#room.localParticipant, identity)) this.#assistant.came(identity);
    else this.#assistant.left(identity);
  }

  #hear(track: RemoteTrack, { identity, isAgent }: Member): void {
    const isTheirs = isAgent && identity === (this.#assistant.identity ?? identity);
    if (!isTheirs || track.kind !== Track.Kind.Audio) return;
    // A stream of its own for another assistant: who listens to the old one would go on with its dead track.
    if (this.#isRenewing) this.#output = new MediaStream();
    this.#output.addTrack(track.mediaStreamTrack);
    this.#voice = track;
    this.#audible.resolve();
    this.#renew();
  }

  #read(text: string, identity: string): void {
    const event = identity === this.#assistant.identity ? parseServerEvent(text) : null;
    if (!event || this.#isClosed) return;
    if (event.type === "sottovoce.session.ended") return this.#ended(event.reason);
    if (event.type === "error" && this.#session === null) return this.#ended(event.error.message);
    if (event.type === "session.created") this.#began(event.session.id ?? "");
    this.#listeners.onEvent(event);
  }

  #ended(reason: string): void {
    this.#failed.reject(refusal(reason));
    this.#broke();
  }

  #began(session: string): void {
    if (session === this.#session) return; // it says so again to who was away for a moment
    this.#isRenewing ||= this.#session !== null;
    this.#session = session;
    this.#begun.resolve();
    this.#renew();
  }

  /** What was said while nobody listened is among what the new assistant is told. */
  #renew(): void {
    if (!this.#isRenewing || this.#session === null || this.#voice === null) return;
    this.#isRenewing = false;
    this.#assistant.begun();
    const wasAsked = this.#waiting.splice(0).some(({ type }) => type === "response.create");
    if (!this.#isOpen) return;
    this.#listeners.onRenewed();
    if (wasAsked) this.send({ type: "response.create" });
  }

  #sendWaiting(): void {
    for (const event of this.#waiting.splice(0)) this.#deliver(event);
  }

  #deliver(event: ClientEvent): void {
    this.#events.send(event, this.#assistant.identity ?? "");
  }

  #whatIsMissing(): Error {
    if (this.#assistant.identity === null) return refusal(NOBODY_FREE);
    if (this.#session === null) return refusal(NOT_BEGUN);
    return new UnusableTransportError("The assistant's voice does not get through.");
  }

  #broke(): void {
    if (this.#isClosed) return;
    const wasOpen = this.#isOpen;
    this.#failed.reject(new Error("The connection to LiveKit broke."));
    this.close();
    if (wasOpen) this.#listeners.onClosed();
  }
}

const refusal = (message: string): RefusedError => new RefusedError(message, 503);
