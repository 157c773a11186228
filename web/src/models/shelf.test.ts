import { describe, expect, it } from "vitest";
import { downloading, inUse, listOf, modelOf } from "../test/models";
import { parseNews, refusalIn } from "./model";
import { isOpen } from "./offer";
import { awaitedModels, emptyShelf, withAwaited, withList, withNews, withoutAwaited } from "./shelf";

const shelf = withList(emptyShelf, listOf(modelOf("a"), modelOf("b")));
const ids = (models: readonly { id: string }[]) => models.map(({ id }) => id);

describe("the shelf", () => {
  it("takes a list as it is", () => {
    expect(shelf).toMatchObject({ isKnown: true, mayChange: true, isOffline: false });
    expect(ids(shelf.models)).toEqual(["a", "b"]);
  });

  it("changes those that there is news of and leaves the others the same objects", () => {
    const next = withNews(shelf, { models: [downloading("b"), modelOf("stranger")], is_full: false });
    expect(next.models[0]).toBe(shelf.models[0]);
    expect(next.models[1]?.state).toBe("downloading");
    expect(next.models).toHaveLength(2);
  });

  it("is the same object when the news is none", () =>
    expect(withNews(shelf, { models: [modelOf("a"), modelOf("b")], is_full: true })).toBe(shelf));

  it("forgets those that a full list lacks, and takes its order", () => {
    const next = withNews(shelf, { models: [modelOf("c"), modelOf("b")], is_full: true });
    expect(ids(next.models)).toEqual(["c", "b"]);
  });

  it("waits for what is asked for, and for what somebody else downloads", () => {
    const asked = withAwaited(withNews(shelf, { models: [downloading("b")], is_full: false }), ["b"]);
    expect(ids(awaitedModels(asked))).toEqual(["b"]);
    const loaded = withNews(asked, { models: [inUse("b")], is_full: false });
    expect(ids(awaitedModels(loaded))).toEqual(["b"]);
    expect(awaitedModels(withoutAwaited(loaded, ["b"]))).toEqual([]);
  });

  it("does not wait for what was called off", () => {
    const begun = withNews(shelf, { models: [downloading("b")], is_full: false });
    expect(awaitedModels(withNews(begun, { models: [modelOf("b")], is_full: false }))).toEqual([]);
  });

  it("keeps a download out of sight that the user has hidden, until it is asked for again", () => {
    const hidden = withoutAwaited(withNews(shelf, { models: [downloading("b")], is_full: false }), ["b"]);
    const further = withNews(hidden, { models: [downloading("b", { bytes: 900_000 })], is_full: false });
    expect(awaitedModels(further)).toEqual([]);
    expect(ids(awaitedModels(withAwaited(further, ["b"])))).toEqual(["b"]);
  });
});

describe("the offer", () => {
  const offer = {
    models: [modelOf("a")],
    download_bytes: 2_000_000,
    free_bytes: 9_000_000,
    has_room: true,
    is_first_run: true,
    is_offline: false,
    is_reachable: true,
    hub: "hub.example.org",
    may_change: true,
  };

  it("stands on a first run, also before any model is known", () => {
    expect(isOpen(offer, emptyShelf)).toBe(true);
    expect(isOpen(offer, shelf)).toBe(true);
  });

  it.each([
    ["is no first run", { is_first_run: false }],
    ["cannot reach the hub", { is_reachable: false }],
    ["is offline", { is_reachable: null }],
    ["may not be changed by who looks", { may_change: false }],
    ["has nothing that fits", { models: [] }],
  ])("does not where the server %s", (_, change) =>
    expect(isOpen({ ...offer, ...change }, shelf)).toBe(false),
  );

  it("is over when one of its models has set out", () =>
    expect(isOpen(offer, withNews(shelf, { models: [downloading("a")], is_full: false }))).toBe(false));
});

describe("what the server sends", () => {
  it("is read where it is what it promises", () => {
    const news = { models: [modelOf("a")], is_full: true };
    expect(parseNews(JSON.stringify(news))).toEqual(news);
    expect(parseNews(JSON.stringify({ ...news, models: [{ id: "a" }] }))).toBeNull();
    expect(parseNews("{")).toBeNull();
  });

  it("has its refusals in its own words", () => {
    expect(refusalIn({ error: { message: "It is in use.", code: null } })).toBe("It is in use.");
    expect(refusalIn({ detail: "?" })).toBeNull();
    expect(refusalIn(null)).toBeNull();
  });
});
