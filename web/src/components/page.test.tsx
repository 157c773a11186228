import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";
import type { AssistantEntry, Entry } from "../session/conversation";
import { Announcer } from "./Announcer";
import { Composer } from "./Composer";
import { MicrophoneHelp } from "./Help";
import { KeysDialog } from "./KeysDialog";
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
    const engines = { stt: null, llm: "rules", tts: "espeak-ng" };
    const fallback = { engine: "tts", model: "espeak-ng", instead_of: "kokoro", reason: "it hung" } as const;
    render(<Message entry={{ ...reply, used: { engines, fallbacks: [fallback] } }} />);
    expect(screen.getByText("fell back from kokoro to espeak-ng: it hung")).toBeDefined();
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
