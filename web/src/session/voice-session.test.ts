import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MicrophoneError } from "../audio/microphone";
import type { ServerEvent } from "../realtime/events";
import { fakeSession, fakeStream } from "../test/fakes";
import { deferred } from "../transport/deferred";
import { RefusedError, UnusableTransportError, type VoiceTransport } from "../transport/transport";
import { backoffMs } from "./backoff";
import { TALK_TAIL_MS } from "./microphone-line";
import { MAX_RESTORED_MESSAGES, type VoiceSession } from "./voice-session";

const speaking: ServerEvent = { type: "sottovoce.session.state", state: "speaking" };
const heard = (text: string, id: string): ServerEvent => ({
  type: "conversation.item.input_audio_transcription.completed",
  item_id: id,
  transcript: text,
});
const texts = (session: VoiceSession): string[] =>
  session.snapshot().conversation.entries.flatMap((entry) => ("text" in entry ? [entry.text] : []));
const isOpen = (session: VoiceSession): boolean | undefined =>
  session.snapshot().microphone.stream?.getAudioTracks()[0]?.enabled;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("starting", () => {
  it("connects and gives the microphone to the connection", async () => {
    const { session, latest } = fakeSession();
    await session.start();
    expect(session.snapshot().link).toEqual({ phase: "live", kind: "webrtc" });
    expect(latest().microphone).toBe(session.snapshot().microphone.stream?.getAudioTracks()[0]);
  });

  it("goes on without a microphone that is blocked, and says so", async () => {
    const { session, parts, latest } = fakeSession();
    parts.openMicrophone.mockRejectedValue(new MicrophoneError("blocked"));
    await session.start();
    expect(session.snapshot().link.phase).toBe("live");
    expect(session.snapshot().microphone.problem).toBe("blocked");
    expect(latest().microphone).toBeNull();
  });

  it("adds the microphone to a session that was begun in writing", async () => {
    const { session, parts, latest, transports } = fakeSession();
    await session.write("hello");
    expect(parts.openMicrophone).not.toHaveBeenCalled();
    await session.start();
    expect(transports).toHaveLength(1);
    expect(latest().microphone).not.toBeNull();
  });

  it("shows why the server refused", async () => {
    const { session, parts } = fakeSession();
    parts.openTransport.mockRejectedValue(new RefusedError("Too many sessions.", 429));
    await session.start();
    expect(session.snapshot().link).toEqual({ phase: "off", problem: "Too many sessions." });
    expect(session.snapshot().microphone.stream).toBeNull();
  });

  it("closes a connection that comes after it was ended", async () => {
    const { session, parts, latest } = fakeSession();
    const opening = deferred<VoiceTransport>();
    const make = parts.openTransport.getMockImplementation();
    parts.openTransport.mockReturnValue(opening.promise);
    const starting = session.start();
    await vi.advanceTimersByTimeAsync(0);
    session.end();
    if (make)
      opening.resolve(
        await make({ onEvent: () => {}, onClosed: () => {}, onRenewed: () => {} }, AbortSignal.abort()),
      );
    await starting;
    expect(latest().isClosed).toBe(true);
    expect(session.snapshot().link.phase).toBe("off");
  });

  it("lets a microphone go that is granted after the end", async () => {
    const { session, parts } = fakeSession();
    const stream = fakeStream();
    const granted = deferred<MediaStream>();
    parts.openMicrophone.mockReturnValue(granted.promise);
    const starting = session.start();
    session.end();
    granted.resolve(stream);
    await starting;
    expect(session.snapshot().microphone.stream).toBeNull();
    expect(stream.getTracks()[0]).toMatchObject({ isStopped: true });
  });
});

describe("writing", () => {
  it("is shown at once, sent when connected, and answered", async () => {
    const { session, latest } = fakeSession();
    const writing = session.write("roll a die");
    expect(texts(session)).toEqual(["roll a die"]);
    await writing;
    expect(latest().sent).toMatchObject([
      {
        type: "conversation.item.create",
        item: { role: "user", content: [{ type: "input_text", text: "roll a die" }] },
      },
      { type: "response.create" },
    ]);
  });

  it("interrupts the assistant first", async () => {
    const { session, latest } = fakeSession();
    await session.start();
    latest().receive(speaking);
    await session.write("stop");
    expect(latest().sent.map(({ type }) => type)).toEqual([
      "response.cancel",
      "conversation.item.create",
      "response.create",
    ]);
  });

  it("waits for a connection that is missing", async () => {
    const { session, parts, latest } = fakeSession();
    parts.openTransport.mockRejectedValueOnce(new UnusableTransportError("gone"));
    await session.write("are you there");
    await vi.advanceTimersByTimeAsync(backoffMs(0, 1));
    expect(latest().sent.map(({ type }) => type)).toEqual(["conversation.item.create", "response.create"]);
  });
});

describe("interrupting", () => {
  it("cancels, clears and silences at once", async () => {
    const { session, latest } = fakeSession();
    await session.start();
    latest().receive(speaking);
    session.interrupt();
    expect(latest().sent).toEqual([{ type: "response.cancel" }]);
    expect(latest().flushes).toBe(1);
    expect(session.snapshot().conversation.isHushed).toBe(true);
  });

  it("sends nothing when there is nothing to stop", async () => {
    const { session, latest } = fakeSession();
    await session.start();
    session.interrupt();
    expect(latest().sent).toEqual([]);
  });
});

describe("muting and the talk key", () => {
  it("mutes the track, and keeps sending it", async () => {
    const { session, latest } = fakeSession();
    await session.start();
    session.setMuted(true);
    expect(isOpen(session)).toBe(false);
    expect(latest().microphone).not.toBeNull();
  });

  it("opens a muted microphone while held, and for the last syllable", async () => {
    const { session } = fakeSession();
    await session.start();
    session.setMuted(true);
    await session.talk(true);
    expect(isOpen(session)).toBe(true);
    await session.talk(false);
    expect(isOpen(session)).toBe(true);
    await vi.advanceTimersByTimeAsync(TALK_TAIL_MS);
    expect(isOpen(session)).toBe(false);
  });

  it("does not close a microphone that was open anyway", async () => {
    const { session } = fakeSession();
    await session.start();
    await session.talk(true);
    await session.talk(false);
    await vi.advanceTimersByTimeAsync(TALK_TAIL_MS);
    expect(isOpen(session)).toBe(true);
  });

  it("survives being pressed again within the tail", async () => {
    const { session } = fakeSession();
    await session.start();
    session.setMuted(true);
    await session.talk(true);
    await session.talk(false);
    await session.talk(true);
    await vi.advanceTimersByTimeAsync(TALK_TAIL_MS * 2);
    expect(isOpen(session)).toBe(true);
  });

  it("begins a session that listens only while it is held", async () => {
    const { session } = fakeSession();
    await session.talk(true);
    expect(session.snapshot().link.phase).toBe("live");
    expect(isOpen(session)).toBe(true);
    await session.talk(false);
    await vi.advanceTimersByTimeAsync(TALK_TAIL_MS);
    expect(isOpen(session)).toBe(false);
  });

  it("interrupts the assistant", async () => {
    const { session, latest } = fakeSession();
    await session.start();
    latest().receive(speaking);
    await session.talk(true);
    expect(latest().sent).toContainEqual({ type: "response.cancel" });
  });
});

describe("changing the microphone", () => {
  it("gives the new one to the connection and lets the old one go", async () => {
    const { session, parts, latest } = fakeSession();
    await session.start();
    const before = session.snapshot().microphone.stream;
    await session.chooseMicrophone("headset");
    expect(parts.openMicrophone).toHaveBeenLastCalledWith("headset");
    expect(before?.getTracks()[0]).toMatchObject({ isStopped: true });
    expect(latest().microphone).toBe(session.snapshot().microphone.stream?.getAudioTracks()[0]);
  });

  it("does not open one that nobody asked to be heard by", async () => {
    const { session, parts } = fakeSession();
    await session.chooseMicrophone("headset");
    expect(parts.openMicrophone).not.toHaveBeenCalled();
  });
});

describe("losing the server", () => {
  it("reconnects by itself, with the microphone, and says again what was said", async () => {
    const { session, latest, transports } = fakeSession();
    await session.start();
    latest().receive(heard("my name is Ada", "u1"));
    latest().listeners.onClosed();
    expect(session.snapshot().link).toEqual({ phase: "reconnecting", attempt: 0, problem: null });
    await vi.advanceTimersByTimeAsync(backoffMs(0, 1));
    expect(transports).toHaveLength(2);
    expect(session.snapshot().link.phase).toBe("live");
    expect(latest().sent).toMatchObject([
      { type: "conversation.item.create", item: { id: "u1", role: "user" } },
    ]);
    expect(latest().microphone).not.toBeNull();
  });

  it("says again what was said to somebody new at the other end, over the same connection", async () => {
    const { session, latest, transports } = fakeSession();
    await session.start();
    latest().receive(heard("my name is Ada", "u1"), speaking);
    latest().listeners.onRenewed();
    expect(transports).toHaveLength(1);
    expect(latest().sent).toMatchObject([{ type: "conversation.item.create", item: { id: "u1" } }]);
    expect(session.snapshot().link.phase).toBe("live");
    expect(session.snapshot().conversation.activity).toBe("idle");
    expect(texts(session)).toEqual(["my name is Ada", "Connected again."]);
  });

  it("waits longer after each failure, up to a bound", async () => {
    const { session, parts, latest } = fakeSession();
    await session.start();
    parts.openTransport.mockRejectedValue(new UnusableTransportError("gone"));
    latest().listeners.onClosed();
    for (const attempt of [0, 1, 2, 3, 4, 5, 6]) {
      expect(session.snapshot().link).toMatchObject({ phase: "reconnecting", attempt });
      const calls = parts.openTransport.mock.calls.length;
      await vi.advanceTimersByTimeAsync(backoffMs(attempt, 0.5) - 1);
      expect(parts.openTransport.mock.calls).toHaveLength(calls);
      await vi.advanceTimersByTimeAsync(1);
      expect(parts.openTransport.mock.calls).toHaveLength(calls + 1);
    }
    expect(backoffMs(50, 1)).toBe(10_000);
  });

  it("reconnects at once when asked", async () => {
    const { session, latest } = fakeSession();
    await session.start();
    latest().listeners.onClosed();
    await session.retryNow();
    expect(session.snapshot().link.phase).toBe("live");
  });

  it("renews the page's cookie for a server that does not know it", async () => {
    const { session, parts, latest } = fakeSession();
    await session.start();
    parts.openTransport.mockRejectedValueOnce(new RefusedError("No key.", 401));
    latest().listeners.onClosed();
    await vi.advanceTimersByTimeAsync(backoffMs(0, 1));
    expect(parts.renewAccess).toHaveBeenCalledTimes(1);
    expect(session.snapshot().link).toMatchObject({ phase: "reconnecting", problem: "No key." });
    await vi.advanceTimersByTimeAsync(backoffMs(1, 1));
    expect(session.snapshot().link.phase).toBe("live");
  });

  it("stops trying when the user ends the session", async () => {
    const { session, parts, latest } = fakeSession();
    await session.start();
    latest().listeners.onClosed();
    session.end();
    const calls = parts.openTransport.mock.calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(parts.openTransport.mock.calls).toHaveLength(calls);
  });

  it("says only the end of a long conversation again", async () => {
    const { session, latest } = fakeSession();
    await session.start();
    for (let turn = 0; turn < MAX_RESTORED_MESSAGES + 5; turn++)
      latest().receive(heard(`turn ${turn}`, `u${turn}`));
    latest().listeners.onClosed();
    await session.retryNow();
    expect(latest().sent).toHaveLength(MAX_RESTORED_MESSAGES);
    expect(latest().sent[0]).toMatchObject({ item: { id: "u5" } });
  });
});

describe("ending", () => {
  it("lets connection and microphone go and keeps the words", async () => {
    const { session, latest } = fakeSession();
    await session.start();
    const stream = session.snapshot().microphone.stream;
    latest().receive(heard("good night", "u1"));
    session.end();
    expect(latest().isClosed).toBe(true);
    expect(stream?.getTracks()[0]).toMatchObject({ isStopped: true });
    expect(texts(session)).toEqual(["good night"]);
  });

  it("starting over forgets the words here and begins a new session there", async () => {
    const { session, latest, transports } = fakeSession();
    await session.start();
    latest().receive(heard("secret", "u1"));
    await session.startOver();
    expect(transports.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect(texts(session)).toEqual([]);
    expect(latest().sent).toEqual([]);
    expect(latest().microphone).not.toBeNull();
  });
});
