import { describe, expect, it } from "vitest";
import { downloading, inUse, modelOf } from "../test/models";
import { actionsOf } from "./actions";
import { arrivalsOf } from "./arrivals";
import { groupOf } from "./groups";
import {
  downloadWords,
  fitWords,
  languageWords,
  machineWords,
  sizeWords,
  stateWords,
  timeWords,
} from "./words";

describe("words for models", () => {
  it.each([
    [1, "1 kB"],
    [99_000, "99 kB"],
    [663_000, "0.7 MB"],
    [663_000_000, "663 MB"],
    [2_350_000_000, "2.4 GB"],
  ])("say %d bytes as %s", (bytes, words) => expect(sizeWords(bytes)).toBe(words));

  it.each([
    [0, "1 s"],
    [42, "42 s"],
    [150, "3 min"],
    [4_000, "1 h 7 min"],
  ])("say %d seconds as %s", (seconds, words) => expect(timeWords(seconds)).toBe(words));

  it("say how far a download is, as far as that is known", () => {
    expect(downloadWords(downloading("a"))).toBe("0.5 MB of 2.0 MB · 0.1 MB/s · 15 s left");
    expect(downloadWords(downloading("a", { rate: 0, seconds_left: null }))).toBe("0.5 MB of 2.0 MB");
    expect(downloadWords(downloading("a", { total_bytes: 0 }))).toBe("asking the hub");
    expect(downloadWords(downloading("a", { step: "queued" }))).toBe("waits for its turn");
    expect(downloadWords(downloading("a", { step: "checking" }))).toBe("checking the files");
    expect(downloadWords(downloading("a", { reason: "waits for the network" }))).toBe(
      "waits for the network",
    );
  });

  it("say what a model is at", () => {
    expect(stateWords(downloading("a"))).toBe("downloading 25 %");
    expect(stateWords(modelOf("a", { state: "loading", progress: 0.4 }))).toBe("loading 40 %");
    expect(stateWords(modelOf("a", { state: "loading" }))).toBe("loading");
    expect(stateWords(inUse("a"))).toBe("in use");
    expect(stateWords(inUse("a", { in_use: false }))).toBe("ready to stand in");
    expect(stateWords(modelOf("a", { state: "failed" }))).toBe("not downloaded");
    expect(stateWords(modelOf("a", { state: "failed", is_installed: true }))).toBe("cannot be used");
  });

  it("say why a model does not fit, and what to take instead", () => {
    const big = modelOf("big", { fit: { verdict: "no", reason: "needs 4 cores", instead: "small" } });
    expect(fitWords(big, (id) => `The ${id}`)).toBe("Does not fit: needs 4 cores. Take The small instead.");
    expect(fitWords(modelOf("a"), String)).toBe("Fits this machine.");
  });

  it("name languages, each once, and no more than a few", () => {
    expect(languageWords(["en-us", "en-gb", "de"])).toBe("English, German");
    expect(languageWords(["en", "de", "fr", "es", "it"])).toBe("English, German, French and 2 more");
    expect(languageWords(["no language"])).toBe("no language");
  });

  it("name the machine", () =>
    expect(machineWords({ cores: 1, memory_bytes: 2 ** 32, cpu: "", gpu: "RTX" })).toBe(
      "one core, 4 GB of memory, RTX",
    ));
});

describe("what can be done with a model", () => {
  const words = (model: ReturnType<typeof modelOf>, isOffline = false) =>
    actionsOf(model, isOffline).map((action) => action.words);

  it.each([
    ["absent", modelOf("a"), ["Download and use", "Only download"]],
    ["begun before", modelOf("a", { bytes: 9 }), ["Go on downloading and use", "Only download", "Discard"]],
    [
      "too big",
      modelOf("a", { fit: { verdict: "no", reason: "", instead: null } }),
      ["Download it all the same and use", "Only download"],
    ],
    ["on its way", downloading("a"), ["Cancel"]],
    ["installed", modelOf("a", { state: "installed", is_installed: true }), ["Use", "Remove"]],
    ["in use", inUse("a"), ["Go back to the built-in one"]],
    ["standing by", inUse("a", { in_use: false }), ["Use", "Remove"]],
    [
      "damaged",
      modelOf("a", { state: "failed", is_installed: true }),
      ["Download again", "Try again", "Remove"],
    ],
    ["not downloaded", modelOf("a", { state: "failed" }), ["Try again"]],
    ["the user's own", modelOf("a", { state: "installed", has_source: false }), ["Use"]],
    ["built in", modelOf("a", { is_embedded: true, state: "installed" }), ["Go back to it"]],
    ["built in and in use", inUse("a", { is_embedded: true }), []],
  ])("that is %s", (_, model, expected) => expect(words(model)).toEqual(expected));

  it("is no download while offline", () => {
    expect(words(modelOf("a"), true)).toEqual([]);
    expect(words(modelOf("a", { state: "failed", is_installed: true }), true)).toEqual([
      "Try again",
      "Remove",
    ]);
  });

  it("asks before it removes, and says what takes over", () => {
    const [, removal] = actionsOf(inUse("a", { in_use: false }), false);
    expect(removal?.change).toEqual({ do: "remove", id: "a", isForced: true });
    expect(removal?.confirm).toEqual({
      question: "Remove The a? An engine has it; the next of its kind takes over.",
      yes: "Remove 2.0 MB",
    });
  });
});

describe("the order of models", () => {
  it("has the one in use first, then what moves, failed, is here, fits, just fits; the unfit apart", () => {
    const rated = (verdict: "no" | "tight") => ({ fit: { verdict, reason: "", instead: null } });
    const models = [
      modelOf("tight", rated("tight")),
      modelOf("unfit", rated("no")),
      modelOf("fitting"),
      modelOf("here", { state: "installed", is_installed: true }),
      modelOf("broken", { state: "failed" }),
      downloading("moving", rated("no")),
      inUse("used"),
      modelOf("ear", { kind: "stt" }),
    ];
    const { shown, unfit } = groupOf(models, "tts");
    expect(shown.map(({ id }) => id)).toEqual(["used", "moving", "broken", "here", "fitting", "tight"]);
    expect(unfit.map(({ id }) => id)).toEqual(["unfit"]);
  });
});

describe("what is on its way, taken together", () => {
  it("is told without figures, and measured by bytes", () => {
    const models = [downloading("a"), downloading("b", { bytes: 0, total_bytes: 0 }), inUse("c")];
    expect(arrivalsOf(models)).toEqual({
      words: "Downloading: The a and The b. Used from your next turn: The c.",
      progress: 0.125,
      isMoving: true,
      canCancel: true,
    });
  });

  it("has no progress when nothing is downloaded", () => {
    const failed = modelOf("a", { state: "failed" });
    expect(arrivalsOf([failed])).toMatchObject({
      words: "Not in use: The a.",
      progress: null,
      isMoving: false,
    });
  });
});
