import type { LocalParticipant, Room, TextStreamReader } from "livekit-client";
import type { ClientEvent } from "../realtime/events";

const TOPIC = "sottovoce.realtime";

export type StreamingRoom = Pick<Room, "registerTextStreamHandler"> & {
  readonly localParticipant: Pick<LocalParticipant, "sendText">;
};

export type StreamListeners = {
  onText(text: string, from: string): void;
  /** One was lost on its way, and nothing that follows can be relied on. */
  onLost(): void;
};

/** Realtime events as text streams, one each, which are read and sent in order however long each takes. */
export class EventStreams {
  readonly #room: StreamingRoom;
  readonly #listeners: StreamListeners;
  #incoming: Promise<void>;
  #outgoing: Promise<unknown> = Promise.resolve();

  /** None is read before `isReady`. */
  constructor(room: StreamingRoom, isReady: Promise<void>, listeners: StreamListeners) {
    this.#room = room;
    this.#listeners = listeners;
    this.#incoming = isReady;
    room.registerTextStreamHandler(TOPIC, (reader, { identity }) => this.#receive(reader, identity));
  }

  send(event: ClientEvent, to: string): void {
    this.#outgoing = this.#outgoing
      .then(() =>
        this.#room.localParticipant.sendText(JSON.stringify(event), {
          topic: TOPIC,
          destinationIdentities: [to],
        }),
      )
      .catch(this.#listeners.onLost);
  }

  #receive(reader: Pick<TextStreamReader, "readAll">, from: string): void {
    this.#incoming = this.#incoming
      .then(() => reader.readAll())
      .then((text) => this.#listeners.onText(text, from), this.#listeners.onLost);
  }
}
