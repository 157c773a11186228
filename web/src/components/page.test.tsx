import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import type { LatencyMs } from "../realtime/events";
import type { AssistantEntry, Entry } from "../session/conversation";
import { Announcer } from "./Announcer";
import { Composer } from "./Composer";
import { EngineChip } from "./EngineChip";
import { MicrophoneHelp } from "./Help";
import { KeysDialog } from "./KeysDialog";
import { LatencyChip } from "./LatencyChip";
import { Message } from "./Message";

const reply: AssistantEntry = {
  kind: "assistant",
  id: "a1",
  responseId: "r1",
  text: "One, two,",
  spokenFrom: 9,
  unheard: " three, four",
  isDone: true,
  latency: null,
  used: null,
};
const engines = { stt: null, llm: "rules", tts: "espeak-ng" };
const hung = {
  engine: "tts",
  model: "espeak-ng",
  instead_of: "kokoro",
  reason: "it hung",
  is_coming: false,
} as const;
const coming = {
  engine: "llm",
  model: "rules",
  instead_of: "qwen3-4b",
  reason: "it is loading",
  is_coming: true,
} as const;
const question: Entry = { kind: "user", id: "u1", text: "count to four", isFinal: true, isTyped: false };

describe("a message", () => {
  it("strikes what was not heard, and says so to who cannot see it", () => {
    render(<Message entry={reply} />);
    expect(screen.getByText("three, four").tagName).toBe("S");
    expect(screen.getByText(/interrupted, not heard/)).toBeDefined();
  });

  it("marks the words being spoken", () => {
    render(<Message entry={{ ...reply, unheard: "", isDone: false, spokenFrom: 4 }} />);
    expect(screen.getByText("two,").className).toContain("speaking");
  });

  it("says what it fell back to, and why", () => {
    render(<Message entry={{ ...reply, used: { engines, fallbacks: [hung] } }} />);
    expect(screen.getByText("fell back from kokoro to espeak-ng: it hung")).toBeDefined();
  });

  it("does not say under every reply that another model is loading", () => {
    render(<Message entry={{ ...reply, used: { engines, fallbacks: [coming, hung] } }} />);
    expect(document.querySelectorAll("[data-entry=fallback]")).toHaveLength(1);
    expect(screen.queryByText(/is loading/)).toBeNull();
  });

  it("shows nothing of a turn without words", () => {
    render(<Message entry={{ ...question, text: "", isFinal: false }} />);
    expect(screen.queryByText("You")).toBeNull();
  });

  it("opens a tool's call on request", async () => {
    render(
      <Message
        entry={{
          kind: "tool",
          id: "c1",
          name: "roll_dice",
          arguments: '{"sides":6}',
          output: "4",
          isError: false,
        }}
      />,
    );
    expect(screen.queryByText(/"sides": 6/)).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Used roll dice" }));
    expect(screen.getByText(/"sides": 6/)).toBeDefined();
  });
});

describe("the chip with what the last turn took", () => {
  const used = { engines, fallbacks: [coming, hung] };
  const open = async (total: number | null, name: RegExp) => {
    const latency: LatencyMs | null = total === null ? null : { ...unknown, voice_to_voice: total };
    render(<LatencyChip latency={latency} used={used} transport={null} readBufferMs={async () => null} />);
    await userEvent.click(screen.getByRole("button", { name }));
    return screen.getByTestId("used").textContent;
  };
  const unknown = {
    vad: null,
    stt_final: null,
    end_of_turn: null,
    llm_first_token: null,
    tts_first_audio: null,
    delivery: null,
  };

  it("lists every model that stood in, also for one that is loading", async () => {
    const list = await open(412, /Answered after 412/);
    expect(list).toContain("fell back from qwen3-4b to rules: it is loading");
    expect(list).toContain("fell back from kokoro to espeak-ng: it hung");
  });

  it("is there for a typed turn too, without the time", async () =>
    expect(await open(null, /What answered/)).toContain("Answered byrules"));

  it("is not there before the first turn", () => {
    render(<LatencyChip latency={null} used={null} transport={null} readBufferMs={async () => null} />);
    expect(screen.queryByRole("button")).toBeNull();
  });
});

describe("what a screen reader is told", () => {
  const announced = (entries: Entry[]): string | null => {
    render(<Announcer entries={entries} presence="Listening" />);
    return screen.getByTestId("announcements").textContent;
  };

  it("is what was said, once it is final", () => expect(announced([question])).toBe("You: count to four"));
  it("is the reply, once it is over", () =>
    expect(announced([question, reply])).toBe("Assistant: One, two,"));
  it("is not interim words", () =>
    expect(
      announced([question, { ...reply, isDone: false }, { ...question, id: "u2", isFinal: false }]),
    ).toBe("You: count to four"));
  it("is not what the user has just typed", () =>
    expect(announced([{ ...question, isTyped: true }])).toBe(""));
});

describe("the text box", () => {
  const open = () => {
    const onSend = vi.fn();
    render(<Composer input={{ current: null }} onSend={onSend} />);
    return { onSend, box: screen.getByRole("textbox") };
  };

  it("sends on Enter and is empty again", async () => {
    const { onSend, box } = open();
    await userEvent.type(box, "  roll a die {Enter}");
    expect(onSend).toHaveBeenCalledExactlyOnceWith("roll a die");
    expect(box).toHaveProperty("value", "");
  });

  it("does not send nothing", async () => {
    const { onSend, box } = open();
    await userEvent.type(box, "   {Enter}");
    expect(onSend).not.toHaveBeenCalled();
  });
});

it("the list of keys has the switch that turns them off", async () => {
  const onSingleKeysChange = vi.fn();
  render(<KeysDialog isOpen onOpenChange={() => {}} hasSingleKeys onSingleKeysChange={onSingleKeysChange} />);
  await userEvent.click(screen.getByRole("switch", { name: /Single keys/ }));
  expect(onSingleKeysChange).toHaveBeenCalledExactlyOnceWith(false);
});

describe("help with the microphone", () => {
  it.each(["blocked", "missing", "busy"] as const)("offers another try when it is %s", async (problem) => {
    const onRetry = vi.fn();
    render(<MicrophoneHelp problem={problem} onRetry={onRetry} />);
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(onRetry).toHaveBeenCalledTimes(1);
  });

  it("names the ways out of an insecure page", () => {
    render(<MicrophoneHelp problem="insecure" onRetry={() => {}} />);
    expect(screen.getByRole("alert").textContent).toMatch(/ssh -L .*tailscale serve .*reverse proxy/s);
  });
});

describe("the chip of the engines", () => {
  const engine = { model: "rules", state: "ready" as const, is_local: true };
  const engines = { stt: engine, llm: engine, tts: engine };
  const status = { version: "0.1.0", profile: "embedded", sessions: 0, engines };
  const open = async (livekit: { is_on: boolean; is_ready: boolean; reason: string | null }) => {
    render(<EngineChip status={{ ...status, livekit }} onShowModels={() => {}} />);
    await userEvent.click(screen.getByRole("button"));
  };

  it("says why the page does without LiveKit", async () => {
    await open({ is_on: true, is_ready: false, reason: "the worker has not registered yet" });
    expect(screen.getByText(/LiveKit is not ready \(the worker has not registered yet\)/)).toBeDefined();
  });

  it.each([
    { is_on: true, is_ready: true, reason: null },
    { is_on: false, is_ready: false, reason: null },
  ])("says nothing of LiveKit where all is well: %j", async (livekit) => {
    await open(livekit);
    expect(screen.queryByText(/LiveKit/)).toBeNull();
  });
});
