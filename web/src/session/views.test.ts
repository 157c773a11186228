import { beforeEach, describe, expect, it } from "vitest";
import { glide, motions } from "../components/orb/strings";
import { fakeStream } from "../test/fakes";
import { type Conversation, emptyConversation } from "./conversation";
import { latencyLegs } from "./latency-legs";
import { closedMicrophone } from "./microphone-line";
import { defaultPreferences, loadPreferences, savePreferences } from "./preferences";
import { presenceOf } from "./presence";
import { reduce } from "./reduce";
import type { SessionSnapshot } from "./voice-session";

const live: SessionSnapshot = {
  link: { phase: "live", kind: "webrtc" },
  conversation: emptyConversation,
  microphone: { ...closedMicrophone, stream: fakeStream() },
  output: null,
};
const doing = (activity: Conversation["activity"]) => ({ ...emptyConversation, activity });
const failed = reduce(emptyConversation, { type: "page.notice", text: "No voice.", isProblem: true });

describe("presenceOf", () => {
  it.each<[string, Partial<SessionSnapshot>]>([
    ["idle", { link: { phase: "off", problem: null } }],
    ["error", { link: { phase: "off", problem: "Too many sessions." } }],
    ["connecting", { link: { phase: "connecting" } }],
    ["reconnecting", { link: { phase: "reconnecting", attempt: 2, problem: null } }],
    ["listening", {}],
    ["thinking", { conversation: doing("thinking") }],
    ["speaking", { conversation: doing("speaking") }],
    ["muted", { microphone: { ...live.microphone, isMuted: true } }],
    ["listening", { microphone: { ...live.microphone, isMuted: true, isTalking: true } }],
    ["ready", { microphone: closedMicrophone }],
    ["error", { conversation: failed }],
    ["speaking", { conversation: { ...failed, activity: "speaking" } }],
  ])("is %s", (presence, change) => expect(presenceOf({ ...live, ...change })).toBe(presence));
});

describe("latencyLegs", () => {
  const latency = {
    voice_to_voice: 400,
    vad: 90,
    stt_final: 140,
    end_of_turn: 300,
    llm_first_token: 50,
    tts_first_audio: 30,
    delivery: 20,
  };

  it("lays durations one before the other, ending with the first sound", () => {
    expect(latencyLegs(latency, 60).map(({ start, end }) => [start, end])).toEqual([
      [0, 90],
      [0, 140],
      [0, 300],
      [300, 350],
      [350, 380],
      [380, 400],
      [400, 460],
    ]);
  });

  it("leaves out what is unknown", () => {
    const partial = { ...latency, vad: null, llm_first_token: null };
    expect(latencyLegs(partial, null).map(({ name }) => name)).toEqual([
      "Words recognised",
      "Turn over",
      "First sound of it",
      "On its way to you",
    ]);
    expect(latencyLegs({ ...latency, voice_to_voice: null }, 60)).toEqual([]);
  });

  it("never begins before the end of speech", () => {
    const early = latencyLegs({ ...latency, llm_first_token: 900 }, null);
    expect(Math.min(...early.map(({ start }) => start))).toBe(0);
  });
});

describe("the orb's motion", () => {
  it("glides from one to the next and arrives", () => {
    expect(glide(motions.idle, motions.speaking, 0)).toEqual(motions.idle);
    expect(glide(motions.idle, motions.speaking, 1)).toEqual(motions.speaking);
    expect(glide(motions.idle, motions.speaking, 0.5).glow).toBeCloseTo(0.22);
  });

  it("tells the four states apart by more than colour", () => {
    const states = [motions.listening, motions.thinking, motions.speaking, motions.error];
    expect(new Set(states.map((motion) => JSON.stringify(motion))).size).toBe(4);
    expect(motions.listening.swell).toBeGreaterThan(0); // follows the voice
    expect(motions.thinking.arc).toBeLessThan(1); // turns
    expect(motions.error.speed).toBe(0); // stands still
  });
});

describe("preferences", () => {
  beforeEach(() => localStorage.clear());

  it("are kept", () => {
    const chosen = { ...defaultPreferences, theme: "dark" as const, microphone: "headset" };
    savePreferences(chosen);
    expect(loadPreferences()).toEqual(chosen);
  });

  it("that an older page stored stay, and what is new is as usual", () => {
    const { isOfferDismissed, ...older } = { ...defaultPreferences, theme: "dark" };
    localStorage.setItem("sottovoce.preferences", JSON.stringify(older));
    expect(loadPreferences()).toEqual({ ...older, isOfferDismissed });
  });

  it.each(["", "{", '{"theme":"sepia"}', "null"])("are the usual ones when %j is stored", (stored) => {
    localStorage.setItem("sottovoce.preferences", stored);
    expect(loadPreferences()).toEqual(defaultPreferences);
  });
});
