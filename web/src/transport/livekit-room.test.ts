import { ConnectionError } from "livekit-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ServerEvent } from "../realtime/events";
import { created, fakeCall, SOMEBODY, SUCCESSOR } from "../test/fake-room";
import { BEGIN_TIMEOUT_MS, RETURN_TIMEOUT_MS } from "./assistant-watch";
import { ROOM_OPTIONS } from "./livekit-options";
import { ASSISTANT_TIMEOUT_MS, MAX_WAITING_EVENTS } from "./livekit-room";
import { ASKING_MS } from "./sign-of-life";
import { RefusedError, UnusableTransportError } from "./transport";

class FakeStream {
  readonly tracks = new Set<unknown>();
  addTrack = (track: unknown): void => void this.tracks.add(track);
  removeTrack = (track: unknown): void => void this.tracks.delete(track);
  getAudioTracks = (): unknown[] => [...this.tracks];
}

const said = (delta: string): ServerEvent => ({
  type: "response.output_text.delta",
  response_id: "r",
  item_id: "i",
  delta,
});
const ended: ServerEvent = { type: "sottovoce.session.ended", code: 1001, reason: "The worker ends." };
const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let isSettled = false;
  promise.then(
    () => (isSettled = true),
    () => (isSettled = true),
  );
  await vi.advanceTimersByTimeAsync(0);
  return isSettled;
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("MediaStream", FakeStream);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("joining a room", () => {
  it("is done when the assistant is there, has begun and can be heard", async () => {
    const { room, opening, microphone, listeners } = fakeCall();
    room.connecting.resolve();
    for (const step of [() => room.enter(), () => room.receive(created("s")), () => room.speak()]) {
      expect(await settled(opening)).toBe(false);
      step();
    }
    const transport = await opening;
    expect(transport.kind).toBe("livekit");
    expect(transport.output.getAudioTracks()).toHaveLength(1);
    expect(microphone.publish).toHaveBeenCalledTimes(1);
    expect(listeners.onEvent).toHaveBeenCalledWith(created("s"));
  });

  it("asks no STUN server", async () => {
    const { room, open } = fakeCall();
    await open();
    expect(room.connect.mock.lastCall?.[2]).toMatchObject({ rtcConfig: { iceServers: [] } });
  });

  it("knows an assistant who was there first", async () => {
    const { room, open } = fakeCall();
    room.enter();
    expect((await open()).kind).toBe("livekit");
  });

  it("says so when no assistant comes", async () => {
    const { room, opening, microphone } = fakeCall();
    room.connecting.resolve();
    room.enter(SOMEBODY);
    await vi.advanceTimersByTimeAsync(ASSISTANT_TIMEOUT_MS);
    await expect(opening).rejects.toThrow(RefusedError);
    await expect(opening).rejects.toThrow("No assistant is free");
    expect(room.disconnect).toHaveBeenCalledTimes(1);
    expect(microphone.close).toHaveBeenCalledTimes(1);
  });

  it("passes on why the assistant cannot begin", async () => {
    const { room, opening, listeners } = fakeCall();
    room.connecting.resolve();
    room.enter();
    room.receive({
      type: "error",
      error: { message: "The voice is not ready.", code: "engine_unavailable" },
    });
    await expect(opening).rejects.toThrow("The voice is not ready.");
    await expect(opening).rejects.toThrow(RefusedError);
    expect(listeners.onEvent).not.toHaveBeenCalled(); // it would be read twice
  });

  it("leaves it to another transport where the voice does not get through", async () => {
    const { room, opening } = fakeCall();
    room.connecting.resolve();
    room.enter();
    room.receive(created("s"));
    await vi.advanceTimersByTimeAsync(ASSISTANT_TIMEOUT_MS);
    await expect(opening).rejects.toThrow(UnusableTransportError);
  });

  it("tells media that do not get through from a server that is not there", async () => {
    const blocked = fakeCall();
    blocked.room.connecting.reject(ConnectionError.internal("could not establish pc connection"));
    await expect(blocked.opening).rejects.toThrow(UnusableTransportError);
    const gone = fakeCall();
    gone.room.connecting.reject(ConnectionError.serverUnreachable("could not establish signal connection"));
    await expect(gone.opening).rejects.not.toThrow(UnusableTransportError);
  });

  it("is given up when aborted, whether before or meanwhile", async () => {
    const { room, opening, abort, listeners } = fakeCall();
    room.connecting.resolve();
    room.enter();
    abort.abort();
    await expect(opening).rejects.toThrow();
    expect(room.disconnect).toHaveBeenCalledTimes(1);
    expect(listeners.onClosed).not.toHaveBeenCalled();
  });
});

describe("events", () => {
  const textsOf = ({ listeners }: ReturnType<typeof fakeCall>): string[] =>
    listeners.onEvent.mock.calls.flatMap(([event]) => ("delta" in event ? [event.delta] : []));

  it("come in the order in which they were sent, however long each takes", async () => {
    const call = fakeCall();
    await call.open();
    const slow = call.room.stream();
    call.room.receive(said("second"));
    expect(await settled(slow.promise)).toBe(false);
    expect(textsOf(call)).toEqual([]);
    slow.resolve(JSON.stringify(said("first")));
    await vi.advanceTimersByTimeAsync(0);
    expect(textsOf(call)).toEqual(["first", "second"]);
  });

  it("are taken from the assistant alone, and kept until it is known", async () => {
    const call = fakeCall();
    call.room.receive(said("forged"), SOMEBODY);
    call.room.receive(said("early"));
    await call.open();
    call.room.receive(said("forged too"), SOMEBODY);
    await vi.advanceTimersByTimeAsync(0);
    expect(textsOf(call)).toEqual(["early"]);
  });

  it("go to the assistant alone, in order", async () => {
    const { room, open } = fakeCall();
    const transport = await open();
    transport.send({ type: "response.create" });
    transport.flush();
    await vi.advanceTimersByTimeAsync(0);
    const where = { to: ["agent-1"], topic: "sottovoce.realtime" };
    expect(room.sent).toEqual([
      { event: { type: "response.create" }, ...where },
      { event: { type: "output_audio_buffer.clear" }, ...where },
    ]);
  });

  it.each([
    [
      "cannot be read",
      (room: ReturnType<typeof fakeCall>["room"]) => room.stream().reject(new Error("lost")),
    ],
    ["says that the session has ended", (room) => room.receive(ended)],
  ])("end the connection when one %s", async (_, happen) => {
    const { room, open, listeners } = fakeCall();
    await open();
    happen(room);
    await vi.advanceTimersByTimeAsync(0);
    expect(listeners.onClosed).toHaveBeenCalledTimes(1);
    expect(room.disconnect).toHaveBeenCalledTimes(1);
  });

  it("end the connection when one cannot be sent", async () => {
    const { room, open, listeners } = fakeCall();
    const transport = await open();
    room.localParticipant.sendText.mockRejectedValueOnce(new Error("no channel"));
    transport.send({ type: "response.create" });
    await vi.advanceTimersByTimeAsync(0);
    expect(listeners.onClosed).toHaveBeenCalledTimes(1);
  });

  it("that say again which session it is change nothing, and of another one that it is new", async () => {
    const { room, open, listeners } = fakeCall();
    await open();
    room.receive(created("session-1"));
    await vi.advanceTimersByTimeAsync(0);
    expect(listeners.onRenewed).not.toHaveBeenCalled();
    room.receive(created("session-2"));
    await vi.advanceTimersByTimeAsync(0);
    expect(listeners.onRenewed).toHaveBeenCalledTimes(1);
    expect(listeners.onClosed).not.toHaveBeenCalled();
  });
});

describe("an assistant that goes away", () => {
  it("is waited for, with what is sent meanwhile", async () => {
    const { room, open, listeners } = fakeCall();
    const transport = await open();
    room.leave();
    transport.send({ type: "response.create" });
    await vi.advanceTimersByTimeAsync(RETURN_TIMEOUT_MS - 1);
    expect(room.sent).toEqual([]);
    room.enter();
    await vi.advanceTimersByTimeAsync(RETURN_TIMEOUT_MS);
    expect(room.sent).toMatchObject([{ event: { type: "response.create" } }]);
    expect(listeners.onClosed).not.toHaveBeenCalled();
  });

  it("and does not come back ends the connection", async () => {
    const { room, open, listeners } = fakeCall();
    await open();
    room.leave(SOMEBODY);
    room.leave();
    await vi.advanceTimersByTimeAsync(RETURN_TIMEOUT_MS);
    expect(listeners.onClosed).toHaveBeenCalledTimes(1);
  });

  it("without a word, being killed, is noticed by its silence", async () => {
    const { room, open, listeners } = fakeCall();
    await open();
    await vi.advanceTimersByTimeAsync(ASKING_MS * 5);
    room.isAssistantAlive = false;
    await vi.advanceTimersByTimeAsync(ASKING_MS);
    room.isAssistantAlive = true; // only slow
    await vi.advanceTimersByTimeAsync(ASKING_MS * 5);
    expect(listeners.onClosed).not.toHaveBeenCalled();
    room.isAssistantAlive = false;
    await vi.advanceTimersByTimeAsync(ASKING_MS + RETURN_TIMEOUT_MS);
    expect(listeners.onClosed).toHaveBeenCalledTimes(1);
  });

  it("is not waited for with more than a few seconds bring", async () => {
    const { room, open, listeners } = fakeCall();
    const transport = await open();
    room.leave();
    for (let sent = 0; sent < MAX_WAITING_EVENTS; sent++) transport.send({ type: "response.cancel" });
    expect(listeners.onClosed).not.toHaveBeenCalled();
    transport.send({ type: "response.cancel" });
    expect(listeners.onClosed).toHaveBeenCalledTimes(1);
  });
});

describe("an assistant that takes the place of another", () => {
  it("is told of once it has begun and can be heard, and what it was asked meanwhile", async () => {
    const { room, open, listeners } = fakeCall();
    const transport = await open();
    const before = transport.output;
    listeners.onRenewed.mockImplementation(() => transport.send({ type: "response.cancel" }));
    room.leave();
    transport.send({ type: "response.create" });
    room.enter(SUCCESSOR);
    room.receive(created("session-2"), SUCCESSOR);
    await vi.advanceTimersByTimeAsync(0);
    expect(listeners.onRenewed).not.toHaveBeenCalled();
    room.speak(SUCCESSOR);
    await vi.advanceTimersByTimeAsync(RETURN_TIMEOUT_MS + BEGIN_TIMEOUT_MS);
    expect(listeners.onRenewed).toHaveBeenCalledTimes(1);
    expect(room.sent).toMatchObject([
      { event: { type: "response.cancel" }, to: ["agent-2"] },
      { event: { type: "response.create" }, to: ["agent-2"] },
    ]);
    expect(transport.output).not.toBe(before); // who played the old one has to change
    expect(transport.output.getAudioTracks()).toHaveLength(1);
    expect(listeners.onClosed).not.toHaveBeenCalled();
  });

  it("is not waited for longer than it needs", async () => {
    const { room, open, listeners } = fakeCall();
    await open();
    room.leave();
    room.enter(SUCCESSOR);
    await vi.advanceTimersByTimeAsync(BEGIN_TIMEOUT_MS);
    expect(listeners.onClosed).toHaveBeenCalledTimes(1);
  });

  it("ends the connection when it cannot begin", async () => {
    const { room, open, listeners } = fakeCall();
    await open();
    room.leave();
    room.enter(SUCCESSOR);
    room.receive({ type: "error", error: { message: "The voice is not ready.", code: null } }, SUCCESSOR);
    await vi.advanceTimersByTimeAsync(0);
    expect(listeners.onClosed).toHaveBeenCalledTimes(1);
  });

  it("does not take it from one who is there", async () => {
    const { room, open, listeners } = fakeCall();
    const { output } = await open();
    room.enter(SUCCESSOR);
    room.speak(SUCCESSOR);
    room.receive(said("from another"), SUCCESSOR);
    await vi.advanceTimersByTimeAsync(0);
    expect(output.getAudioTracks()).toHaveLength(1);
    expect(listeners.onEvent.mock.calls).toEqual([[created("session-1")]]);
  });
});

describe("losing the server", () => {
  it.each(["reconnecting", "disconnected"] as const)("is told once, when the room is %s", async (event) => {
    const { room, open, listeners } = fakeCall();
    await open();
    room.emit(event);
    room.emit("disconnected");
    expect(listeners.onClosed).toHaveBeenCalledTimes(1);
  });

  it("for a moment is left to LiveKit's client, which tries for seconds and no longer", async () => {
    const { room, open, listeners } = fakeCall();
    await open();
    room.emit("signalReconnecting");
    room.emit("reconnected");
    expect(listeners.onClosed).not.toHaveBeenCalled();
    const delay = (retryCount: number, elapsedMs: number) =>
      ROOM_OPTIONS.reconnectPolicy?.nextRetryDelayInMs({ retryCount, elapsedMs });
    expect([delay(0, 0), delay(1, 100), delay(9, 60_000)]).toEqual([0, 300, null]);
  });

  it("is not told after the page closed the connection, and nothing else is", async () => {
    const { room, open, listeners, microphone } = fakeCall();
    const transport = await open();
    room.receive(said("late"));
    transport.close();
    transport.close();
    transport.send({ type: "response.create" });
    room.leave();
    await vi.advanceTimersByTimeAsync(RETURN_TIMEOUT_MS);
    expect(room.disconnect).toHaveBeenCalledTimes(1);
    expect(microphone.close).toHaveBeenCalledTimes(1);
    expect(listeners.onClosed).not.toHaveBeenCalled();
    expect(listeners.onEvent.mock.calls).toEqual([[created("session-1")]]);
    expect(room.sent).toEqual([]);
  });
});

describe("sound", () => {
  it("is the assistant's alone", async () => {
    const { room, open } = fakeCall();
    const { output } = await open();
    room.speak(SOMEBODY);
    expect(output.getAudioTracks()).toHaveLength(1);
    room.emit("trackUnsubscribed", { mediaStreamTrack: output.getAudioTracks()[0] });
    expect(output.getAudioTracks()).toHaveLength(0);
  });

  it("of the page goes into the room", async () => {
    const { open, microphone } = fakeCall();
    const track = { enabled: false } as MediaStreamTrack;
    await (await open()).setMicrophone(track);
    expect(microphone.set).toHaveBeenCalledWith(track);
    expect(track.enabled).toBe(false);
  });
});
