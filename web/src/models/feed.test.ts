import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { downloading, inUse, listOf, modelOf } from "../test/models";
import { ModelsError } from "./api";
import { type FeedParts, FIRST_NEWS_MS, ModelFeed, POLL_MS } from "./feed";
import type { Model } from "./model";
import { awaitedModels } from "./shelf";

/** A server whose list and stream the test makes and breaks. */
function fakeServer() {
  const streams: { tell(...models: Model[]): void; fall(): void; isClosed: boolean }[] = [];
  const parts = {
    fetchModels: vi.fn<FeedParts["fetchModels"]>(async () => listOf(modelOf("a"), modelOf("b"))),
    change: vi.fn<FeedParts["change"]>(async () => listOf(downloading("a"), modelOf("b"))),
    openEvents: vi.fn<FeedParts["openEvents"]>((onNews, onBroken) => {
      const stream = {
        tell: (...models: Model[]) => onNews(JSON.stringify({ models, is_full: false })),
        fall: onBroken,
        isClosed: false,
      };
      streams.push(stream);
      return () => {
        stream.isClosed = true;
      };
    }),
  };
  const feed = new ModelFeed(parts);
  const stateOf = (id: string) => feed.snapshot().shelf.models.find((model) => model.id === id)?.state;
  return { feed, parts, streams, stateOf };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("the feed", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("asks nobody until somebody watches, and for all watchers once", async () => {
    const { feed, parts, streams } = fakeServer();
    expect(parts.fetchModels).not.toHaveBeenCalled();
    const ends = [feed.watch(), feed.watch()];
    await settle();
    expect(parts.fetchModels).toHaveBeenCalledTimes(1);
    expect(streams).toHaveLength(1);
    ends[0]?.();
    ends[0]?.();
    expect(streams[0]?.isClosed).toBe(false);
    ends[1]?.();
    expect(streams[0]?.isClosed).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(parts.fetchModels).toHaveBeenCalledTimes(1);
  });

  it("follows the stream, and tells nobody what is no news", async () => {
    const { feed, streams, stateOf } = fakeServer();
    feed.watch();
    await settle();
    const notify = vi.fn();
    feed.subscribe(notify);
    streams[0]?.tell(downloading("a"));
    expect(stateOf("a")).toBe("downloading");
    streams[0]?.tell(downloading("a"));
    expect(notify).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(10 * FIRST_NEWS_MS); // a quiet stream is a healthy one
    expect(streams).toHaveLength(1);
  });

  it("asks instead while the stream is broken, and tries it again each time", async () => {
    const { feed, parts, streams, stateOf } = fakeServer();
    feed.watch();
    await settle();
    parts.fetchModels.mockResolvedValue(listOf(inUse("a"), modelOf("b")));
    streams[0]?.fall();
    expect(streams[0]?.isClosed).toBe(true);
    await vi.advanceTimersByTimeAsync(POLL_MS);
    expect(stateOf("a")).toBe("ready");
    expect(streams).toHaveLength(2);
    streams[1]?.tell(downloading("b"));
    expect(stateOf("b")).toBe("downloading");
  });

  it("gives a stream up that opens and says nothing", async () => {
    const { feed, parts } = fakeServer();
    feed.watch();
    await settle();
    await vi.advanceTimersByTimeAsync(FIRST_NEWS_MS + POLL_MS);
    expect(parts.fetchModels).toHaveBeenCalledTimes(2);
  });

  it("says when the server is gone, keeps what it knew, and recovers", async () => {
    const { feed, parts, streams, stateOf } = fakeServer();
    feed.watch();
    await settle();
    parts.fetchModels.mockRejectedValueOnce(new ModelsError("The server did not answer."));
    streams[0]?.fall();
    await vi.advanceTimersByTimeAsync(POLL_MS);
    expect(feed.snapshot().problem).toEqual({ id: null, text: "The server did not answer." });
    expect(stateOf("a")).toBe("absent");
    await vi.advanceTimersByTimeAsync(POLL_MS);
    expect(feed.snapshot().problem).toBeNull();
    expect(streams).toHaveLength(2);
  });

  it("does not listen when the last watcher left while the list was fetched", async () => {
    const { feed, streams } = fakeServer();
    feed.watch()();
    await settle();
    expect(streams).toHaveLength(0);
  });

  it("waits for what it was told to fetch, and is busy until that has begun", async () => {
    const { feed } = fakeServer();
    const begun = feed.change({ do: "pull", ids: ["a"], isForUse: true });
    expect(feed.snapshot().busy).toEqual(["a"]);
    expect(await begun).toBe(true);
    expect(feed.snapshot().busy).toEqual([]);
    expect(awaitedModels(feed.snapshot().shelf).map(({ id }) => id)).toEqual(["a"]);
  });

  it("shows a refusal in the server's words, until the next attempt", async () => {
    const { feed, parts } = fakeServer();
    parts.change.mockRejectedValueOnce(new ModelsError("SOTTOVOCE_TTS_MODEL is set and decides."));
    expect(await feed.change({ do: "use", kind: "tts", model: "a" })).toBe(false);
    expect(feed.snapshot()).toMatchObject({
      problem: { id: "a", text: "SOTTOVOCE_TTS_MODEL is set and decides." },
      busy: [],
    });
    await feed.change({ do: "pull", ids: ["a"], isForUse: true });
    expect(feed.snapshot().problem).toBeNull();
  });

  it("calls off every download that is waited for, and no other", async () => {
    const { feed, parts } = fakeServer();
    parts.change.mockResolvedValueOnce(listOf(downloading("a"), downloading("b"), inUse("c")));
    await feed.change({ do: "pull", ids: ["a", "b", "c"], isForUse: true });
    parts.change.mockResolvedValue(listOf(modelOf("a"), modelOf("b"), inUse("c")));
    await feed.cancel();
    expect(parts.change.mock.calls.slice(1)).toEqual([
      [{ do: "cancel", id: "a" }],
      [{ do: "cancel", id: "b" }],
    ]);
    expect(awaitedModels(feed.snapshot().shelf).map(({ id }) => id)).toEqual(["c"]);
  });
});
