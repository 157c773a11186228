import { beforeEach, describe, expect, it, vi } from "vitest";
import { openLiveKit } from "./livekit";
import { joinRoom } from "./livekit-join";
import { RoomMicrophone } from "./livekit-microphone";
import { RefusedError, UnusableTransportError } from "./transport";

vi.mock(import("./livekit-join"), () => ({ joinRoom: vi.fn() }));

const listeners = { onEvent: () => {}, onClosed: () => {}, onRenewed: () => {} };
const open = () => openLiveKit(listeners, new AbortController().signal);

beforeEach(() => {
  vi.unstubAllGlobals();
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("RTCPeerConnection", class {});
});

function answering(response: Response) {
  const fetch = vi.fn<typeof globalThis.fetch>(async () => response);
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

describe("openLiveKit", () => {
  it("asks for a room of its own, and for Realtime events in it", async () => {
    const details = { server_url: "ws://127.0.0.1:8080", participant_token: "token" };
    const fetch = answering(Response.json({ ...details, roomName: "room" }, { status: 201 }));
    await open();
    const [url, request] = fetch.mock.lastCall ?? [];
    expect([url, request?.method]).toEqual(["/api/connection-details", "POST"]);
    expect(JSON.parse(String(request?.body))).toEqual({
      participant_attributes: { "sottovoce.realtime": "true" },
    });
    expect(vi.mocked(joinRoom).mock.lastCall?.[0]).toMatchObject(details);
  });

  it.each([429, 503])("passes on why there is no room (%d)", async (status) => {
    answering(Response.json({ error: { message: "Too many rooms." } }, { status }));
    await expect(open()).rejects.toThrow("Too many rooms.");
    answering(Response.json({ error: { message: "Too many rooms." } }, { status }));
    await expect(open()).rejects.toThrow(RefusedError);
  });

  it.each([
    ["there are no rooms", () => new Response("Not Found", { status: 404 })],
    ["the answer names none", () => Response.json({ ok: true }, { status: 201 })],
  ])("leaves it to another transport where %s", async (_, response) => {
    answering(response());
    await expect(open()).rejects.toThrow(UnusableTransportError);
  });

  it.each([
    ["isSecureContext", false],
    ["RTCPeerConnection", undefined],
  ])("does not ask where the browser cannot (%s)", async (name, value) => {
    const fetch = answering(new Response());
    vi.stubGlobal(name, value);
    await expect(open()).rejects.toThrow(UnusableTransportError);
    expect(fetch).not.toHaveBeenCalled();
  });
});

describe("RoomMicrophone", () => {
  const silence = { clone: () => silence, stop: vi.fn(), enabled: true };
  const node = { gain: { setValueAtTime: () => {} }, connect: () => {}, start: () => {} };
  const destination = { stream: { getAudioTracks: () => [silence] } };
  class FakeAudioContext {
    createOscillator = () => node;
    createGain = () => node;
    createMediaStreamDestination = () => destination;
    close = async () => {};
  }

  it("puts the track in the place of silence, and never lets LiveKit's client have it", async () => {
    vi.stubGlobal("AudioContext", FakeAudioContext);
    const sender = { replaceTrack: vi.fn(async () => undefined) };
    const publishTrack = vi.fn(async () => ({ track: { sender: sender as unknown as RTCRtpSender } }));
    const microphone = new RoomMicrophone();
    await microphone.publish({ publishTrack });
    const track = { enabled: false } as MediaStreamTrack;
    await microphone.set(track);
    await microphone.set(null);
    expect(publishTrack).toHaveBeenCalledExactlyOnceWith(silence, { source: "microphone" });
    expect(sender.replaceTrack.mock.calls).toEqual([[track], [silence]]);
    microphone.close();
    expect(silence.stop).toHaveBeenCalled();
  });
});
