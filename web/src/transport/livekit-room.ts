import {
  ConnectionError,
  ConnectionErrorReason,
  type LocalParticipant,
  type RemoteParticipant,
  type RemoteTrack,
  Room,
  RoomEvent,
  type TextStreamReader,
  Track,
} from "livekit-client";
import { type ClientEvent, parseServerEvent } from "../realtime/events";
import { AssistantWatch } from "./assistant-watch";
import type { ConnectionDetails } from "./connection-details";
import { deferred } from "./deferred";
import { JitterMeter } from "./jitter";
import { type MicrophonePublisher, RoomMicrophone } from "./livekit-microphone";
import { CONNECT_OPTIONS, ROOM_OPTIONS } from "./livekit-options";
import { ASKING_MS, type Caller, isAlive } from "./sign-of-life";
import {
  RefusedError,
  type TransportListeners,
  UnusableTransportError,
  type VoiceTransport,
} from "./transport";

const REALTIME_TOPIC = "sottovoce.realtime";
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
type EventReader = Pick<TextStreamReader, "readAll">;

/** What is used of a room: a test puts its own in the place of LiveKit's. */
export type CallRoom = Pick<Room, "on" | "connect" | "disconnect" | "registerTextStreamHandler"> & {
  readonly remoteParticipants: ReadonlyMap<string, Member>;
  readonly localParticipant: Pick<LocalParticipant, "sendText"> & Caller & MicrophonePublisher;
};
export type Microphone = Pick<RoomMicrophone, "publish" | "set" | "close">;

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

class RoomCall implements VoiceTransport {
  readonly kind = "livekit";
  readonly output = new MediaStream();
  readonly #room: CallRoom;
  readonly #microphone: Microphone;
  readonly #listeners: TransportListeners;
  readonly #assistant = new AssistantWatch(
    () => this.#sendWaiting(),
    () => this.#broke(),
  );
  readonly #jitter = new JitterMeter();
  readonly #begun = deferred<void>();
  readonly #audible = deferred<void>();
  readonly #failed = deferred<never>();
  readonly #waiting: ClientEvent[] = [];
  /** Events are read in the order in which they came, however long each takes; none before its sender is known. */
  #incoming = this.#assistant.met;
  #outgoing: Promise<unknown> = Promise.resolve();
  #voice: RemoteTrack | null = null;
  #session: string | null = null;
  #asking: number | undefined;
  #isOpen = false;
  #isClosed = false;

  constructor(room: CallRoom, microphone: Microphone, listeners: TransportListeners) {
    this.#room = room;
    this.#microphone = microphone;
    this.#listeners = listeners;
    this.#failed.promise.catch(() => undefined); // it may fail while nobody waits for it
    room.registerTextStreamHandler(REALTIME_TOPIC, (reader, { identity }) => this.#receive(reader, identity));
    room
      .on(RoomEvent.ParticipantConnected, (participant) => this.#meet(participant))
      .on(RoomEvent.ParticipantDisconnected, ({ identity }) => this.#assistant.left(identity))
      .on(RoomEvent.TrackSubscribed, (track, _, participant) => this.#hear(track, participant))
      .on(RoomEvent.TrackUnsubscribed, (track) => this.output.removeTrack(track.mediaStreamTrack))
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

  send(event: ClientEvent): void {
    if (!this.#isOpen) return;
    if (this.#assistant.isHere) this.#deliver(event);
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

  #hear(track: RemoteTrack, { isAgent }: Member): void {
    if (!isAgent || track.kind !== Track.Kind.Audio) return;
    this.output.addTrack(track.mediaStreamTrack);
    this.#voice = track;
    this.#audible.resolve();
  }

  #receive(reader: EventReader, identity: string): void {
    this.#incoming = this.#incoming
      .then(() => reader.readAll())
      .then(
        (text) => this.#read(text, identity),
        () => this.#broke(), // an event is lost, and nothing that follows can be relied on
      );
  }

  #read(text: string, identity: string): void {
    const event = identity === this.#assistant.identity ? parseServerEvent(text) : null;
    if (!event || this.#isClosed) return;
    if (event.type === "error" && this.#session === null)
      return this.#failed.reject(refusal(event.error.message));
    if (event.type === "sottovoce.session.ended") return this.#ended(event.reason);
    if (event.type === "session.created" && !this.#isOfThisSession(event.session.id ?? ""))
      return this.#broke();
    this.#listeners.onEvent(event);
  }

  #ended(reason: string): void {
    if (this.#session === null) this.#failed.reject(refusal(reason));
    else this.#broke();
  }

  /** False for the second of two sessions: it has heard nothing of the first. */
  #isOfThisSession(id: string): boolean {
    this.#session ??= id;
    this.#begun.resolve();
    return this.#session === id;
  }

  #sendWaiting(): void {
    for (const event of this.#waiting.splice(0)) this.#deliver(event);
  }

  #deliver(event: ClientEvent): void {
    const options = { topic: REALTIME_TOPIC, destinationIdentities: [this.#assistant.identity ?? ""] };
    this.#outgoing = this.#outgoing
      .then(() => this.#room.localParticipant.sendText(JSON.stringify(event), options))
      .catch(() => this.#broke());
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
