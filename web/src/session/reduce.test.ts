import { describe, expect, it } from "vitest";
import { type Conversation, emptyConversation, MAX_ENTRIES, spokenMessages } from "./conversation";
import { type ConversationEvent, reduce } from "./reduce";

const afterAllOf = (...events: ConversationEvent[]): Conversation => events.reduce(reduce, emptyConversation);

const started = (item_id = "u1"): ConversationEvent => ({
  type: "input_audio_buffer.speech_started",
  item_id,
});
const stopped = (item_id = "u1"): ConversationEvent => ({
  type: "input_audio_buffer.speech_stopped",
  item_id,
});
const interim = (delta: string, item_id = "u1"): ConversationEvent => ({
  type: "conversation.item.input_audio_transcription.delta",
  item_id,
  delta,
});
const final = (transcript: string, item_id = "u1"): ConversationEvent => ({
  type: "conversation.item.input_audio_transcription.completed",
  item_id,
  transcript,
});
const words = (delta: string, response_id = "r1", item_id = "a1"): ConversationEvent => ({
  type: "response.output_audio_transcript.delta",
  response_id,
  item_id,
  delta,
});
const done = (status = "completed", id = "r1"): ConversationEvent => ({
  type: "response.done",
  response: { id, status, status_details: null },
});
const state = (to: "idle" | "listening" | "thinking" | "speaking"): ConversationEvent => ({
  type: "sottovoce.session.state",
  state: to,
});
const latency = {
  voice_to_voice: 412,
  vad: 80,
  stt_final: 120,
  end_of_turn: 250,
  llm_first_token: 4,
  tts_first_audio: 9,
  delivery: 20,
};

describe("a spoken turn", () => {
  it("grows interim words and settles on the final", () => {
    expect(afterAllOf(started(), interim("what"), interim(" tame")).entries).toEqual([
      { kind: "user", id: "u1", text: "what tame", isFinal: false, isTyped: false },
    ]);
    expect(afterAllOf(started(), interim("what tame"), final("What time is it?")).entries).toEqual([
      { kind: "user", id: "u1", text: "What time is it?", isFinal: true, isTyped: false },
    ]);
  });

  it("leaves no trace of a turn that was only noise", () => {
    expect(afterAllOf(started(), stopped(), final(" ")).entries).toEqual([]);
  });

  it("does not let a late interim spoil the final", () => {
    expect(afterAllOf(started(), final("Stop."), interim(" stop")).entries).toMatchObject([
      { text: "Stop." },
    ]);
  });

  it("turns a failed transcription into a notice", () => {
    const failed = afterAllOf(started(), {
      type: "conversation.item.input_audio_transcription.failed",
      item_id: "u1",
      error: { message: "The recogniser is restarting." },
    });
    expect(failed.entries).toMatchObject([
      { kind: "notice", text: "The recogniser is restarting.", isProblem: true, engine: "stt" },
    ]);
  });

  it("stands before the reply, whatever arrives late", () => {
    const turn = afterAllOf(started(), words("It is"), final("What time is it?"), words(" noon."));
    expect(turn.entries.map(({ id }) => id)).toEqual(["u1", "a1"]);
  });
});

describe("a reply", () => {
  it("gathers words and marks the ones being spoken", () => {
    expect(afterAllOf(words("It is"), words(" ten past")).entries).toEqual([
      {
        kind: "assistant",
        id: "a1",
        responseId: "r1",
        text: "It is ten past",
        spokenFrom: 5,
        unheard: "",
        isDone: false,
        latency: null,
        used: null,
      },
    ]);
  });

  it("has nothing being spoken once it is done", () => {
    expect(afterAllOf(words("Noon."), done()).entries).toMatchObject([{ isDone: true, spokenFrom: 5 }]);
  });

  it("keeps what was heard and strikes what was not", () => {
    const cut = afterAllOf(
      words("One, two, three"),
      {
        type: "sottovoce.response.heard",
        response_id: "r1",
        item_id: "a1",
        heard: "One, two,",
        unheard: " three, four",
      },
      done("cancelled"),
    );
    expect(cut.entries).toMatchObject([{ text: "One, two,", unheard: " three, four", isDone: true }]);
  });

  const unheard: ConversationEvent = {
    type: "sottovoce.response.heard",
    response_id: "r1",
    item_id: "a1",
    heard: "",
    unheard: "It is noon.",
  };

  it("does not appear when it was cancelled before it had begun", () => {
    expect(afterAllOf(unheard).entries).toEqual([]);
  });

  it("is struck whole when it had begun and nothing was heard", () => {
    expect(afterAllOf(words("It"), unheard).entries).toMatchObject([{ text: "", unheard: "It is noon." }]);
  });

  it("that fails says why", () => {
    const failed = afterAllOf({
      type: "response.done",
      response: {
        id: "r1",
        status: "failed",
        status_details: { error: { message: "The model is loading." } },
      },
    });
    expect(failed.entries).toMatchObject([
      { kind: "notice", text: "The model is loading.", isProblem: true },
    ]);
    expect(afterAllOf(done("failed")).entries).toMatchObject([{ text: "The assistant could not answer." }]);
  });

  it("is being worked on from its creation until it is done", () => {
    const created: ConversationEvent = { type: "response.created", response: { id: "r1" } };
    expect(afterAllOf(created).isReplying).toBe(true);
    expect(afterAllOf(created, done()).isReplying).toBe(false);
  });

  const used = {
    engines: { stt: null, llm: "rules", tts: "espeak-ng" },
    fallbacks: [
      { engine: "tts" as const, model: "espeak-ng", instead_of: "kokoro", reason: null, is_coming: false },
    ],
  };
  const metrics: ConversationEvent = {
    type: "sottovoce.turn.metrics",
    item_id: "a1",
    response_id: "r1",
    latency_ms: latency,
    ...used,
  };

  it("carries what its turn took and went through, which the page also shows by itself", () => {
    const measured = afterAllOf(words("Noon."), done(), metrics);
    expect(measured).toMatchObject({ latency, used });
    expect(measured.entries).toMatchObject([{ latency, used }]);
  });

  it("carries it also when it was measured before its first words came, and the next one does not", () => {
    const later: ConversationEvent = {
      type: "response.output_audio_transcript.delta",
      item_id: "a2",
      response_id: "r2",
      delta: "Later.",
    };
    const spoken = afterAllOf(metrics, words("Noon."), done(), later);
    expect(spoken.entries).toMatchObject([
      { latency, used },
      { latency: null, used: null },
    ]);
  });
});

describe("what a reply went through to its end", () => {
  const before = { engines: { stt: "nemotron", llm: "qwen3", tts: "kokoro" }, fallbacks: [] };
  const after = {
    engines: { stt: "nemotron", llm: "qwen3", tts: "espeak-ng" },
    fallbacks: [
      { engine: "tts" as const, model: "espeak-ng", instead_of: "kokoro", reason: null, is_coming: false },
    ],
  };
  const metrics: ConversationEvent = {
    type: "sottovoce.turn.metrics",
    item_id: "u1",
    response_id: "r1",
    latency_ms: latency,
    ...before,
  };
  const engines = (id = "r1"): ConversationEvent => ({
    type: "sottovoce.response.engines",
    response_id: id,
    item_id: `a_${id}`,
    ...after,
  });

  it("takes the place of what was told at its first sound, and leaves the time", () => {
    const measured = afterAllOf(metrics, words("Noon."), engines(), done());
    expect(measured).toMatchObject({ latency, used: after });
    expect(measured.entries).toMatchObject([{ latency, used: after }]);
  });

  it("is also known of a typed turn, whose time is not that of the turn before", () => {
    const typed = afterAllOf(
      metrics,
      words("Noon."),
      done(),
      { type: "response.output_text.delta", response_id: "r2", item_id: "a2", delta: "Later." },
      engines("r2"),
      done("completed", "r2"),
    );
    expect(typed).toMatchObject({ latency: null, used: after });
    expect(typed.entries).toMatchObject([
      { latency, used: before },
      { latency: null, used: after },
    ]);
  });

  it("is known of a reply that was cut before its first word", () => {
    const heard = { response_id: "r1", item_id: "a1", heard: "", unheard: " Noon." };
    const cut = afterAllOf(engines(), { type: "sottovoce.response.heard", ...heard });
    expect(cut).toMatchObject({ entries: [], used: after });
  });
});

describe("hushing the assistant while the user begins to speak", () => {
  const barged = [state("speaking"), words("One, two"), started()];

  it("begins at once", () => expect(afterAllOf(...barged).isHushed).toBe(true));

  it.each<[string, ConversationEvent[]]>([
    ["its words go on", [words(" three")]],
    [
      "its sound goes on",
      [{ type: "response.output_audio.delta", response_id: "r1", item_id: "a1", delta: "" }],
    ],
    ["a new reply sounds", [{ type: "output_audio_buffer.started", response_id: "r2" }]],
    ["it speaks again", [state("speaking")]],
    ["the user has stopped", [stopped()]],
    ["it was only noise", [final("")]],
    ["the connection is gone", [{ type: "page.disconnected" }]],
  ])("ends when %s", (_, events) => expect(afterAllOf(...barged, ...events).isHushed).toBe(false));

  it.each<[string, ConversationEvent[]]>([
    ["the reply is cancelled, for its last sound may still be on the way", [done("cancelled")]],
    ["the session listens", [state("listening")]],
    ["interim words arrive", [interim("stop")]],
  ])("lasts when %s", (_, events) => expect(afterAllOf(...barged, ...events).isHushed).toBe(true));
});

describe("what else is shown", () => {
  it("shows typed text at once and does not repeat the server's echo of it", () => {
    const typed = afterAllOf(
      { type: "page.typed", id: "item_t", text: "Roll a die" },
      {
        type: "conversation.item.added",
        item: {
          id: "item_t",
          type: "message",
          role: "user",
          content: [{ type: "input_text", text: "Roll a die" }],
        },
      },
    );
    expect(typed.entries).toEqual([
      { kind: "user", id: "item_t", text: "Roll a die", isFinal: true, isTyped: true },
    ]);
  });

  it("keeps a place for a spoken item that was committed without a speech_started", () => {
    const added = afterAllOf({
      type: "conversation.item.added",
      item: { id: "u9", type: "message", role: "user", content: [{ type: "input_audio" }] },
    });
    expect(added.entries).toMatchObject([{ id: "u9", text: "", isFinal: false }]);
  });

  it("lists tool calls where they happened", () => {
    const called = afterAllOf(final("Roll a die"), {
      type: "sottovoce.tool.called",
      call_id: "call_1",
      name: "roll_dice",
      arguments: '{"sides":6}',
      output: "4",
      is_error: false,
    });
    expect(called.entries.map(({ kind }) => kind)).toEqual(["user", "tool"]);
  });

  it("names the engine that failed", () => {
    const failed = afterAllOf({
      type: "sottovoce.engine.failed",
      engine: "tts",
      message: "it stopped and is being restarted",
      is_spoken: false,
    });
    expect(failed.entries).toMatchObject([
      {
        kind: "notice",
        engine: "tts",
        text: "The voice failed.",
        detail: "it stopped and is being restarted",
      },
    ]);
  });

  it("shows errors but for the ones that are won races", () => {
    const error = (code: string): ConversationEvent => ({ type: "error", error: { message: "No.", code } });
    expect(afterAllOf(error("invalid_value")).entries).toMatchObject([{ kind: "notice", text: "No." }]);
    expect(afterAllOf(error("response_cancel_not_active")).entries).toEqual([]);
  });

  it("gives every notice its own id", () => {
    const notice: ConversationEvent = { type: "page.notice", text: "Reconnected.", isProblem: false };
    expect(new Set(afterAllOf(notice, notice).entries.map(({ id }) => id)).size).toBe(2);
  });

  it("forgets the oldest entries of a very long conversation", () => {
    const many = Array.from({ length: MAX_ENTRIES + 3 }, (_, index) => final(`Turn ${index}`, `u${index}`));
    const kept = afterAllOf(...many).entries;
    expect(kept).toHaveLength(MAX_ENTRIES);
    expect(kept[0]).toMatchObject({ text: "Turn 3" });
  });
});

describe("losing the connection", () => {
  it("settles what was under way and drops what never had words", () => {
    const lost = afterAllOf(started("u1"), interim("what ti", "u1"), started("u2"), words("It"), {
      type: "page.disconnected",
    });
    expect(lost.entries).toMatchObject([
      { id: "u1", isFinal: true },
      { id: "a1", isDone: true, spokenFrom: 2 },
    ]);
    expect(lost.activity).toBe("idle");
  });

  it("leaves messages to take the thread up again with, of what was heard only", () => {
    const cut = afterAllOf(
      final("Count to four"),
      words("One, two, three"),
      {
        type: "sottovoce.response.heard",
        response_id: "r1",
        item_id: "a1",
        heard: "One, two",
        unheard: " three",
      },
      { type: "page.notice", text: "Connection lost.", isProblem: true },
    );
    expect(spokenMessages(cut)).toEqual([
      { id: "u1", role: "user", text: "Count to four" },
      { id: "a1", role: "assistant", text: "One, two" },
    ]);
  });
});

describe("a room with somebody else in it", () => {
  const speaker = (participant_identity: string | null, is_you: boolean): ConversationEvent => ({
    type: "sottovoce.room.speaker",
    participant_identity,
    is_you,
  });
  const notices = (...events: ConversationEvent[]): string[] =>
    afterAllOf(...events).entries.flatMap((entry) => (entry.kind === "notice" ? [entry.text] : []));

  it("is no news to who is heard, or where nobody is", () =>
    expect(notices(speaker(null, false), speaker("me", true))).toEqual([]));

  it("says who is not heard, and when that is over", () => {
    const [waits, heard, ...others] = notices(
      speaker("ann", false),
      { type: "page.connected" },
      speaker("ann", false),
      speaker("me", true),
    );
    expect(waits).toContain("your microphone waits");
    expect(heard).toContain("your microphone that is heard");
    expect(others).toEqual([]);
  });

  it("is said anew in the next room", () =>
    expect(notices(speaker("ann", false), { type: "page.disconnected" }, speaker("bob", false))).toHaveLength(
      2,
    ));
});
