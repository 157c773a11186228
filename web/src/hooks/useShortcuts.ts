import { useEffect, useEffectEvent } from "react";

export type Shortcuts = {
  talk(isHeld: boolean): void;
  toggleMute(): void;
  interrupt(): void;
  focusText(): void;
  showKeys(): void;
};

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));

/** Something that Space itself presses. */
const takesSpace = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest("button, a[href], summary, [role=button], [role=switch], [role=dialog]") !== null;

const isDialogOpen = (): boolean => document.querySelector("[role=dialog]") !== null;

/**
 * Keys of the whole page. Single keys can be switched off (WCAG 2.1.4); Escape, which is no character, stays.
 * A talk key counts as released when the window loses the focus, or nobody would hear of it.
 */
export function useShortcuts(shortcuts: Shortcuts, hasSingleKeys: boolean): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    if (event.key === "Escape" && !event.defaultPrevented && !isDialogOpen()) return shortcuts.interrupt();
    if (!hasSingleKeys || isDialogOpen()) return;
    if (event.key === " ") {
      if (takesSpace(event.target)) return;
      event.preventDefault();
      if (!event.repeat) shortcuts.talk(true);
      return;
    }
    const action = { m: shortcuts.toggleMute, "/": shortcuts.focusText, "?": shortcuts.showKeys }[
      event.key.toLowerCase()
    ];
    if (!action || event.repeat) return;
    event.preventDefault();
    action();
  });
  const release = useEffectEvent((event: KeyboardEvent) => {
    if (event.key === " ") shortcuts.talk(false);
  });
  const leave = useEffectEvent(() => shortcuts.talk(false));

  useEffect(() => {
    const onPress = (event: KeyboardEvent): void => press(event);
    const onRelease = (event: KeyboardEvent): void => release(event);
    const onLeave = (): void => leave();
    window.addEventListener("keydown", onPress);
    window.addEventListener("keyup", onRelease);
    window.addEventListener("blur", onLeave);
    return () => {
      window.removeEventListener("keydown", onPress);
      window.removeEventListener("keyup", onRelease);
      window.removeEventListener("blur", onLeave);
    };
  }, []);
}
