import { ArrowUp } from "lucide-react";
import { type FormEvent, type KeyboardEvent, type RefObject, useState } from "react";
import { Button } from "./ui/button";

/** Far more than anyone says in a turn; what is longer would only be cut by the model. */
const MAX_LENGTH = 2_000;

type ComposerProps = { input: RefObject<HTMLInputElement | null>; onSend(text: string): void };

export function Composer({ input, onSend }: ComposerProps) {
  const [text, setText] = useState("");
  const send = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim() === "") return;
    onSend(text.trim());
    setText("");
  };
  const leave = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.key === "Escape") event.currentTarget.blur();
  };
  return (
    <form onSubmit={send} className="mx-auto flex w-full max-w-2xl items-center gap-2">
      <input
        ref={input}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={leave}
        maxLength={MAX_LENGTH}
        aria-label="Write to the assistant"
        placeholder="Or write it"
        autoComplete="off"
        enterKeyHint="send"
        className="h-12 min-w-0 flex-1 rounded-full border border-edge bg-sheet px-5 text-base placeholder:text-quiet"
      />
      <Button
        type="submit"
        variant="solid"
        className="size-12 px-0"
        aria-label="Send"
        disabled={text.trim() === ""}
      >
        <ArrowUp aria-hidden />
      </Button>
    </form>
  );
}
