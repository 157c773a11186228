import { useEffect, useRef, useState } from "react";
import { type Action, actionsOf } from "../../models/actions";
import type { Change } from "../../models/api";
import type { Model } from "../../models/model";
import { Button } from "../ui/button";

type ActionsProps = {
  model: Model;
  isOffline: boolean;
  isBusy: boolean;
  onChange(change: Change): void;
};

export function Actions({ model, isOffline, isBusy, onChange }: ActionsProps) {
  const [asked, setAsked] = useState<Action | null>(null);
  const answer = (isMeant: boolean): void => {
    if (isMeant && asked) onChange(asked.change);
    setAsked(null);
  };
  const actions = actionsOf(model, isOffline);
  if (actions.length === 0) return null;
  if (asked?.confirm && actions.some(({ words }) => words === asked.words)) {
    return <Confirm action={asked} onAnswer={answer} />;
  }
  return (
    <div className="mt-2 flex flex-wrap gap-2">
      {actions.map((action) => (
        <Button
          key={action.words}
          variant={action.tone}
          disabled={isBusy}
          aria-label={`${action.words}: ${model.title}`}
          onClick={() => (action.confirm ? setAsked(action) : onChange(action.change))}
        >
          {action.words}
        </Button>
      ))}
    </div>
  );
}

type ConfirmProps = { action: Action; onAnswer(isMeant: boolean): void };

/** Takes the focus, which was on the button that asked. */
function Confirm({ action, onAnswer }: ConfirmProps) {
  const keep = useRef<HTMLButtonElement>(null);
  useEffect(() => keep.current?.focus(), []);
  return (
    <fieldset className="mt-2 flex flex-wrap items-center gap-2">
      <legend className="contents text-sm">{action.confirm?.question}</legend>
      <Button variant="danger" onClick={() => onAnswer(true)}>
        {action.confirm?.yes}
      </Button>
      <Button ref={keep} onClick={() => onAnswer(false)}>
        Keep it
      </Button>
    </fieldset>
  );
}
