import { afterEach, describe, expect, it, vi } from "vitest";
import { fetchStatus, hasLiveKit, type ServerStatus } from "./status";
import { isSettled, summarise } from "./summary";

const engine = { model: "rules", state: "ready" as const, is_local: true, reason: null };
const status: ServerStatus = {
  version: "0.1.0",
  profile: "embedded",
  sessions: 0,
  engines: { stt: engine, llm: engine, tts: engine },
};
const withEngines = (change: Partial<ServerStatus["engines"]>): ServerStatus => ({
  ...status,
  engines: { ...status.engines, ...change },
});
const remote = { ...engine, is_local: false };

describe("summarise", () => {
  it("says that nothing leaves, and by name what it does not leave", () => {
    expect(summarise(status, "127.0.0.1").short).toBe("Nothing leaves this machine");
    expect(summarise(status, "voice.example.org").short).toBe("Nothing leaves voice.example.org");
  });

  it("says plainly which part leaves", () => {
    const { tone, long } = summarise(withEngines({ llm: remote }), "localhost");
    expect(tone).toBe("remote");
    expect(long).toBe(
      "Not everything stays on this machine: the words of the conversation go to a server elsewhere.",
    );
  });

  it("joins several parts", () => {
    const { long } = summarise(withEngines({ stt: remote, tts: remote }), "localhost");
    expect(long).toContain("the sound of your voice and the words of the answers go to a server elsewhere");
  });

  it("puts trouble before privacy, and waiting after trouble", () => {
    const loading = { ...engine, state: "loading" as const };
    const failed = { ...engine, state: "failed" as const };
    expect(summarise(withEngines({ tts: loading }), "localhost").tone).toBe("waiting");
    expect(summarise(withEngines({ tts: loading, stt: failed }), "localhost")).toMatchObject({
      tone: "failed",
      short: "Trouble with hearing",
    });
  });
});

describe("what is on its way", () => {
  const kokoro = { model: "kokoro", is_local: true, reason: null };
  const coming = (state: "loading" | "warming" | "failed", progress: number | null = null) =>
    withEngines({ tts: { ...engine, model: "espeak-ng", preferred: { ...kokoro, state, progress } } });

  it("is said beside what is in use until then", () => {
    const { tone, short, long } = summarise(coming("loading", 0.4), "localhost");
    expect({ tone, short }).toEqual({ tone: "coming", short: "espeak-ng · kokoro loading 40 %" });
    expect(long).toContain("Nothing you say leaves it");
    expect(summarise(coming("warming"), "localhost").short).toBe("espeak-ng · kokoro warming up");
  });

  it("is counted where it is more than one", () => {
    const both = { ...coming("loading").engines, stt: coming("loading").engines.tts };
    expect(summarise({ ...status, engines: both }, "localhost").short).toBe("2 models loading");
  });

  it("is a download where nothing is loaded yet", () => {
    const models = { kokoro: { state: "downloading", progress: 0.25 }, old: { state: "ready" } };
    expect(summarise({ ...status, models }, "localhost").short).toBe("Downloading kokoro, 25 %");
    expect(isSettled({ ...status, models })).toBe(false);
    const two = { ...models, qwen: { state: "downloading", progress: 0 } };
    expect(summarise({ ...status, models: two }, "localhost").short).toBe("Downloading 2 models");
  });

  it("is nothing when it failed: then somebody stands in", () => {
    expect(summarise(coming("failed"), "localhost")).toMatchObject({
      tone: "failed",
      short: "espeak-ng stands in",
    });
    expect(isSettled(coming("failed"))).toBe(true);
    expect(isSettled(coming("loading"))).toBe(false);
    expect(isSettled(status)).toBe(true);
  });
});

describe("fetchStatus", () => {
  afterEach(() => vi.unstubAllGlobals());
  const answering = (...responses: (Response | Error)[]) => {
    const fetch = vi.fn(async () => {
      const next = responses.shift();
      if (next instanceof Error || !next) throw next ?? new Error("no more answers");
      return next;
    });
    vi.stubGlobal("fetch", fetch);
    return fetch;
  };

  it("reads the server's status", async () => {
    answering(Response.json(status));
    expect(await fetchStatus()).toEqual(status);
  });

  it.each([
    ["no connection", () => new TypeError("Failed to fetch")],
    ["no JSON", () => new Response("<html>")],
    ["something else's JSON", () => Response.json({ ok: true })],
    ["an error", () => new Response("", { status: 500 })],
  ])("is null for %s", async (_, response) => {
    answering(response());
    expect(await fetchStatus()).toBeNull();
  });

  it.each([
    [undefined, false],
    [null, false],
    [{ is_on: false, is_ready: false, reason: null }, false],
    [{ is_on: true, is_ready: false, reason: "its worker is starting" }, false],
    [{ is_on: true, is_ready: true, reason: null }, true],
  ])("tells from %j whether there are rooms", async (livekit, expected) => {
    answering(Response.json({ ...status, livekit }));
    expect(await hasLiveKit()).toBe(expected);
  });

  it("has no rooms of a server that is not there", async () => {
    answering(new TypeError("Failed to fetch"));
    expect(await hasLiveKit()).toBe(false);
  });

  it("renews the cookie when a restarted server does not know it", async () => {
    const fetch = answering(new Response("", { status: 401 }), new Response(""));
    expect(await fetchStatus()).toBeNull();
    expect(fetch).toHaveBeenLastCalledWith("/", { cache: "no-store" });
  });
});
