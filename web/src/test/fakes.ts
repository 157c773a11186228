import { vi } from "vitest";
import type { ClientEvent, ServerEvent } from "../realtime/events";
import { type SessionParts, VoiceSession } from "../session/voice-session";
import type { TransportListeners, VoiceTransport } from "../transport/transport";

/** A connection whose other end is the test. */
export class FakeTransport implements VoiceTransport {
  readonly kind = "webrtc";
  readonly output = fakeStream();
  readonly sent: ClientEvent[] = [];
  readonly listeners: TransportListeners;
  microphone: MediaStreamTrack | null = null;
  flushes = 0;
  isClosed = false;

  constructor(listeners: TransportListeners) {
    this.listeners = listeners;
  }

  send(event: ClientEvent): void {
    this.sent.push(event);
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    this.microphone = track;
  }

  flush(): void {
    this.flushes++;
  }

  async jitterBufferMs(): Promise<number | null> {
    return null;
  }

  close(): void {
    this.isClosed = true;
  }

  receive(...events: ServerEvent[]): void {
    for (const event of events) this.listeners.onEvent(event);
  }
}

export type FakeTrack = { enabled: boolean; isStopped: boolean; stop(): void };

export function fakeStream(): MediaStream {
  const track: FakeTrack = {
    enabled: true,
    isStopped: false,
    stop() {
      this.isStopped = true;
    },
  };
  const stream = { getTracks: () => [track], getAudioTracks: () => [track] };
  return stream as unknown as MediaStream;
}

/** A session whose connections the test makes, breaks and refuses. */
export function fakeSession() {
  const transports: FakeTransport[] = [];
  const parts = {
    openTransport: vi.fn<SessionParts["openTransport"]>(async (listeners) => {
      const transport = new FakeTransport(listeners);
      transports.push(transport);
      return transport;
    }),
    openMicrophone: vi.fn<SessionParts["openMicrophone"]>(async () => fakeStream()),
    renewAccess: vi.fn(async () => undefined),
    random: () => 0.5,
  };
  const session = new VoiceSession(parts);
  const latest = (): FakeTransport => {
    const transport = transports.at(-1);
    if (!transport) throw new Error("the session opened no connection");
    return transport;
  };
  return { session, parts, transports, latest };
}
