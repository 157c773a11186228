import { describe, expect, it, vi } from "vitest";
import { prefer, where } from "./connect";
import { refusalOf } from "./refusal";
import { type OpenTransport, RefusedError, UnusableTransportError, type VoiceTransport } from "./transport";

const listeners = { onEvent: () => {}, onClosed: () => {}, onRenewed: () => {} };
const working = (kind: VoiceTransport["kind"]) =>
  vi.fn<OpenTransport>(async () => ({ kind }) as VoiceTransport);
const failing = (error: Error) => vi.fn<OpenTransport>(() => Promise.reject(error));
const open = (opener: OpenTransport, signal = new AbortController().signal) => opener(listeners, signal);

describe("prefer", () => {
  it("takes WebRTC where it connects", async () => {
    const fallback = working("websocket");
    expect((await open(prefer(working("webrtc"), fallback))).kind).toBe("webrtc");
    expect(fallback).not.toHaveBeenCalled();
  });

  it("falls back to WebSocket, and from then on begins with it", async () => {
    const webRtc = failing(new UnusableTransportError("no UDP"));
    const opener = prefer(webRtc, working("websocket"));
    expect((await open(opener)).kind).toBe("websocket");
    expect((await open(opener)).kind).toBe("websocket");
    expect(webRtc).toHaveBeenCalledTimes(1);
  });

  it("tries WebRTC again after a failure that says nothing about it", async () => {
    const webRtc = failing(new TypeError("Failed to fetch"));
    const opener = prefer(webRtc, failing(new UnusableTransportError("server gone")));
    await expect(open(opener)).rejects.toThrow("server gone");
    await expect(open(opener)).rejects.toThrow("server gone");
    expect(webRtc).toHaveBeenCalledTimes(2);
  });

  it("does not ask twice when the server has refused", async () => {
    const fallback = working("websocket");
    const opener = prefer(failing(new RefusedError("Too many sessions.", 429)), fallback);
    await expect(open(opener)).rejects.toThrow("Too many sessions.");
    expect(fallback).not.toHaveBeenCalled();
  });

  it("opens nothing more once it was aborted", async () => {
    const fallback = working("websocket");
    const opener = prefer(failing(new UnusableTransportError("aborted")), fallback);
    await expect(open(opener, AbortSignal.abort())).rejects.toThrow("aborted");
    expect(fallback).not.toHaveBeenCalled();
  });
});

describe("where", () => {
  it("asks before each connection", async () => {
    const answers = [true, false];
    const opener = where(async () => answers.shift() === true, working("livekit"), working("webrtc"));
    expect((await open(opener)).kind).toBe("livekit");
    expect((await open(opener)).kind).toBe("webrtc");
  });

  it("opens nothing when it was aborted while it asked", async () => {
    const [chosen, usual] = [working("livekit"), working("webrtc")];
    const opener = where(async () => true, chosen, usual);
    await expect(open(opener, AbortSignal.abort())).rejects.toThrow();
    expect([chosen, usual].flatMap(({ mock }) => mock.calls)).toEqual([]);
  });
});

describe("refusalOf", () => {
  const refusal = (status: number, body: string) => refusalOf(new Response(body, { status }));

  it("passes the server's words on", async () => {
    const error = await refusal(429, '{"error":{"message":"Too many sessions."}}');
    expect(error).toBeInstanceOf(RefusedError);
    expect(error.message).toBe("Too many sessions.");
  });

  it.each([400, 404, 415, 500])("lets another transport try after status %d", async (status) => {
    expect(await refusal(status, "Not Found")).toBeInstanceOf(UnusableTransportError);
  });
});
