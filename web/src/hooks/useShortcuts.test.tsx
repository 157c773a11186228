import { fireEvent, render, screen } from "@testing-library/react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { useShortcuts } from "./useShortcuts";

const shortcuts = {
  talk: vi.fn(),
  toggleMute: vi.fn(),
  interrupt: vi.fn(),
  focusText: vi.fn(),
  showKeys: vi.fn(),
};

function Page({ hasSingleKeys = true, children = null as React.ReactNode }) {
  useShortcuts(shortcuts, hasSingleKeys);
  return (
    <>
      <input aria-label="text" />
      <button type="button">press</button>
      {children}
    </>
  );
}

const press = (key: string, on: Element = document.body, more: KeyboardEventInit = {}) =>
  fireEvent.keyDown(on, { key, ...more });
const pressed = (): string[] =>
  Object.entries(shortcuts).flatMap(([name, action]) => (action.mock.calls.length > 0 ? [name] : []));

beforeEach(() => void Object.values(shortcuts).map((action) => action.mockReset()));

describe("useShortcuts", () => {
  it.each([
    ["m", "toggleMute"],
    ["M", "toggleMute"],
    ["/", "focusText"],
    ["?", "showKeys"],
    ["Escape", "interrupt"],
    [" ", "talk"],
    ["x", undefined],
  ])("%j does %s", (key, action) => {
    render(<Page />);
    press(key);
    expect(pressed()).toEqual(action ? [action] : []);
  });

  it("talks while Space is held, however often it repeats", () => {
    render(<Page />);
    press(" ");
    press(" ", document.body, { repeat: true });
    fireEvent.keyUp(document.body, { key: " " });
    expect(shortcuts.talk.mock.calls).toEqual([[true], [false]]);
  });

  it("stops talking when the window loses the focus", () => {
    render(<Page />);
    press(" ");
    fireEvent.blur(window);
    expect(shortcuts.talk).toHaveBeenLastCalledWith(false);
  });

  it("leaves every key to who is typing", () => {
    render(<Page />);
    for (const key of ["m", "/", "?", "Escape", " "]) press(key, screen.getByLabelText("text"));
    expect(pressed()).toEqual([]);
  });

  it("leaves Space to a button that has the focus, and no other key", () => {
    render(<Page />);
    const isUntouched = press(" ", screen.getByRole("button"));
    expect(isUntouched).toBe(true);
    press("m", screen.getByRole("button"));
    expect(pressed()).toEqual(["toggleMute"]);
  });

  it("leaves combinations to the browser", () => {
    render(<Page />);
    press("m", document.body, { ctrlKey: true });
    press("/", document.body, { metaKey: true });
    expect(pressed()).toEqual([]);
  });

  it("can be switched off but for Escape", () => {
    render(<Page hasSingleKeys={false} />);
    for (const key of ["m", "/", "?", " ", "Escape"]) press(key);
    expect(pressed()).toEqual(["interrupt"]);
  });

  it("rests while a dialog is open", () => {
    render(
      <Page>
        <div role="dialog" />
      </Page>,
    );
    for (const key of ["m", " ", "Escape"]) press(key);
    expect(pressed()).toEqual([]);
  });
});
