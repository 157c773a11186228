import { type RemoteTrack, type RemoteTrackPublication, type RoomEvent, RpcError } from "livekit-client";
import { vi } from "vitest";
import type { ServerEvent } from "../realtime/events";
import { type Deferred, deferred } from "../transport/deferred";
import { joinRoom } from "../transport/livekit-join";
import type { CallRoom, Microphone } from "../transport/livekit-room";

export const ASSISTANT = { identity: "agent-1", isAgent: true };
export const SUCCESSOR = { identity: "agent-2", isAgent: true };
export const SOMEBODY = { identity: "user-2", isAgent: false };

type Handler = (...given: unknown[]) => void;
type StreamHandler = Parameters<CallRoom["registerTextStreamHandler"]>[1];
type Reader = Parameters<StreamHandler>[0];

/** A room of LiveKit's whose server and other participants are the test. */
export class FakeRoom implements CallRoom {
  readonly #handlers = new Map<string, Handler[]>();
  readonly #streams = new Map<string, StreamHandler>();
  readonly remoteParticipants = new Map<string, typeof ASSISTANT>();
  readonly sent: { event: unknown; to: string[] | undefined; topic: string | undefined }[] = [];
  readonly connecting = deferred<void>();
  readonly connect = vi.fn<CallRoom["connect"]>(() => this.connecting.promise);
  readonly disconnect = vi.fn<CallRoom["disconnect"]>(async () => {
    this.connecting.reject(new Error("disconnected"));
    this.emit("disconnected");
  });
  /** Whether the assistant's process still runs. */
  isAssistantAlive = true;
  readonly localParticipant = {
    performRpc: vi.fn<CallRoom["localParticipant"]["performRpc"]>(async ({ destinationIdentity }) => {
      const { UNSUPPORTED_METHOD, RESPONSE_TIMEOUT } = RpcError.ErrorCode;
      const isAnswering = this.isAssistantAlive && this.remoteParticipants.has(destinationIdentity);
      throw new RpcError(isAnswering ? UNSUPPORTED_METHOD : RESPONSE_TIMEOUT, "as LiveKit's");
    }),
    publishTrack: vi.fn(async () => ({})),
    sendText: vi.fn<CallRoom["localParticipant"]["sendText"]>(async (text, options) => {
      const to = options?.destinationIdentities;
      this.sent.push({ event: JSON.parse(text), to, topic: options?.topic });
      return { id: "stream", mimeType: "text/plain", topic: "", timestamp: 0, encryptionType: 0 };
    }),
  };

  readonly on = ((event: string, handler: Handler) => {
    this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), handler]);
    return this;
  }) as unknown as CallRoom["on"];

  readonly registerTextStreamHandler: CallRoom["registerTextStreamHandler"] = (topic, handler) => {
    this.#streams.set(topic, handler);
  };

  emit(event: `${RoomEvent}`, ...given: unknown[]): void {
    for (const handler of this.#handlers.get(event) ?? []) handler(...given);
  }

  enter(participant = ASSISTANT): void {
    this.remoteParticipants.set(participant.identity, participant);
    this.emit("participantConnected", participant);
  }

  leave(participant = ASSISTANT): void {
    this.remoteParticipants.delete(participant.identity);
    this.emit("participantDisconnected", participant);
  }

  speak(participant = ASSISTANT, kind = "audio"): RemoteTrack {
    const track = { kind, mediaStreamTrack: { kind }, receiver: undefined } as unknown as RemoteTrack;
    this.emit("trackSubscribed", track, {} as RemoteTrackPublication, participant);
    return track;
  }

  /** A text stream begins; its text comes when the test says so. */
  stream({ identity } = ASSISTANT): Deferred<string> {
    const whole = deferred<string>();
    const reader = { readAll: () => whole.promise } as unknown as Reader;
    this.#streams.get("sottovoce.realtime")?.(reader, { identity });
    return whole;
  }

  receive(event: ServerEvent, from = ASSISTANT): void {
    this.stream(from).resolve(JSON.stringify(event));
  }
}

export const created = (id: string): ServerEvent => ({ type: "session.created", session: { id } });

/** A call into a fake room, being opened. */
export function fakeCall() {
  const room = new FakeRoom();
  const microphone = {
    publish: vi.fn<Microphone["publish"]>(async () => undefined),
    set: vi.fn<Microphone["set"]>(async () => undefined),
    close: vi.fn<Microphone["close"]>(),
  };
  const listeners = {
    onEvent: vi.fn<(event: ServerEvent) => void>(),
    onClosed: vi.fn<() => void>(),
    onRenewed: vi.fn<() => void>(),
  };
  const abort = new AbortController();
  const details = { server_url: "ws://127.0.0.1:1", participant_token: "token" };
  const opening = joinRoom(details, listeners, abort.signal, room, microphone);
  opening.catch(() => undefined); // a test that expects a failure looks for it later
  const open = async () => {
    room.connecting.resolve();
    room.enter();
    room.speak();
    room.receive(created("session-1"));
    return await opening;
  };
  return { room, microphone, listeners, abort, opening, open };
}
