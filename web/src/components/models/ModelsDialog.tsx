import { useCallback } from "react";
import type { Change } from "../../models/api";
import type { FeedSnapshot, ModelFeed } from "../../models/feed";
import { groupOf } from "../../models/groups";
import type { Model } from "../../models/model";
import { kinds, kindWords, machineWords } from "../../models/words";
import { Dialog } from "../ui/dialog";
import { ModelRow } from "./ModelRow";

type ModelsDialogProps = {
  feed: ModelFeed;
  snapshot: FeedSnapshot;
  isOpen: boolean;
  onOpenChange(isOpen: boolean): void;
};

export default function ModelsDialog({ feed, snapshot, isOpen, onOpenChange }: ModelsDialogProps) {
  const { shelf, problem, busy } = snapshot;
  const onChange = useCallback((change: Change) => void feed.change(change), [feed]);
  const titles = new Map(shelf.models.map(({ id, title }) => [id, title]));
  const row = (model: Model) => {
    const { instead } = model.fit;
    return (
      <ModelRow
        key={model.id}
        model={model}
        instead={instead && (titles.get(instead) ?? instead)}
        mayChange={shelf.mayChange}
        isOffline={shelf.isOffline}
        isBusy={busy.includes(model.id)}
        problem={problem?.id === model.id ? problem.text : null}
        onChange={onChange}
      />
    );
  };
  const isHomeless = problem !== null && !titles.has(problem.id ?? "");
  return (
    <Dialog
      title="Models"
      description="What hears, thinks and speaks. Another one is loaded beside the one in use and takes over from your next turn."
      isWide
      isOpen={isOpen}
      onOpenChange={onOpenChange}
    >
      <p className="mt-2 text-quiet text-sm">
        {shelf.machine && `This machine: ${machineWords(shelf.machine)}.`}
        {shelf.isOffline && " The settings say offline: nothing is downloaded."}
        {shelf.isKnown &&
          !shelf.mayChange &&
          " You may look; changing them takes a key with the scope “admin”."}
      </p>
      {isHomeless && (
        <p role="alert" className="mt-2 text-problem text-sm">
          {problem.text}
        </p>
      )}
      {!shelf.isKnown && !isHomeless && <p className="mt-4">Asking the server…</p>}
      {shelf.isKnown &&
        kinds.map((kind) => {
          const { shown, unfit } = groupOf(shelf.models, kind);
          return (
            <section key={kind} aria-labelledby={`models-${kind}`} className="mt-5">
              <h3 id={`models-${kind}`} className="font-serif text-xl italic">
                {kindWords[kind]}
              </h3>
              <ul className="divide-y divide-rule border-rule border-y">{shown.map(row)}</ul>
              {unfit.length > 0 && (
                <details>
                  <summary className="min-h-11 py-2.5 text-quiet text-sm">
                    {unfit.length === 1 ? "One that does" : `${unfit.length} that do`} not fit this machine
                  </summary>
                  <ul className="divide-y divide-rule border-rule border-y">{unfit.map(row)}</ul>
                </details>
              )}
            </section>
          );
        })}
    </Dialog>
  );
}
