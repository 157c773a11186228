import { afterEach, describe, expect, it, vi } from "vitest";
import { listOf, modelOf } from "../test/models";
import { change, fetchModels, fetchOffer, ModelsError } from "./api";

const list = listOf(modelOf("a"));

/** Answers every request; the requests that were made, as method, path and body. */
function answering(answer: () => Response) {
  const made: [string, string, unknown][] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
    const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : null;
    made.push([init.method ?? "GET", path, body]);
    return answer();
  });
  return made;
}

describe("the models' API", () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([
    [
      { do: "pull", ids: ["a", "b"], isForUse: true },
      ["POST", "/api/models/pull", { ids: ["a", "b"], use: true }],
    ],
    [{ do: "pull", ids: ["a"], isForUse: false }, ["POST", "/api/models/pull", { ids: ["a"], use: false }]],
    [{ do: "cancel", id: "a" }, ["POST", "/api/models/cancel", { id: "a" }]],
    [
      { do: "use", kind: "tts", model: "embedded" },
      ["POST", "/api/models/use", { kind: "tts", model: "embedded" }],
    ],
  ] as const)("is asked for %j", async (wanted, request) => {
    const made = answering(() => Response.json(list));
    expect(await change(wanted)).toEqual(list);
    expect(made).toEqual([request]);
  });

  it("is asked for the list again after a removal", async () => {
    const made = answering(() => Response.json(list));
    expect(await change({ do: "remove", id: "a", isForced: true })).toEqual(list);
    expect(made).toEqual([
      ["DELETE", "/api/models/a?force=true", null],
      ["GET", "/api/models", null],
    ]);
  });

  it("refuses in its own words", async () => {
    answering(() => Response.json({ error: { message: "a is in use." } }, { status: 409 }));
    await expect(change({ do: "cancel", id: "a" })).rejects.toThrow(new ModelsError("a is in use."));
  });

  it.each([
    ["no words", () => new Response("<html>", { status: 502 }), /status 502/],
    ["no models", () => Response.json({ models: [{ id: "a" }] }), /cannot be read/],
  ])("is explained when it has %s", async (_, answer, words) => {
    answering(answer);
    await expect(fetchModels()).rejects.toThrow(words);
  });

  it("is explained when it is gone", async () => {
    vi.stubGlobal("fetch", async () => {
      throw new TypeError("Failed to fetch");
    });
    await expect(fetchModels()).rejects.toThrow("The server did not answer. Is Sottovoce running?");
    expect(await fetchOffer()).toBeNull();
  });

  it("has its cookie renewed for the next attempt", async () => {
    const made = answering(() => new Response("", { status: 401 }));
    await expect(fetchModels()).rejects.toThrow(ModelsError);
    expect(made.at(-1)).toEqual(["GET", "/", null]);
  });

  it("has no offer where there is none of its shape", async () => {
    answering(() => Response.json({ models: [] }));
    expect(await fetchOffer()).toBeNull();
  });
});
