import type { Change } from "./api";
import type { Model } from "./model";
import { sizeWords } from "./words";

/** Something that can be done with a model just now. `confirm` is asked first, `tone` is how it looks. */
export type Action = {
  words: string;
  change: Change;
  tone: "outline" | "ghost" | "danger";
  confirm?: { question: string; yes: string };
};

/** The first is what is wanted most often. */
export function actionsOf(model: Model, isOffline: boolean): Action[] {
  const { id, state, bytes } = model;
  if (model.is_embedded) return model.in_use ? [] : [choiceOf(model, "Go back to it")];
  switch (state) {
    case "downloading":
      return [{ words: "Cancel", change: { do: "cancel", id }, tone: "outline" }];
    case "loading":
    case "warming":
      return removalOf(model);
    case "absent":
      return [...fetchingOf(model, isOffline), ...(bytes > 0 ? [discardingOf(model)] : [])];
    case "installed":
      return [choiceOf(model, "Use"), ...removalOf(model)];
    case "ready":
      return model.in_use ? [backOf(model)] : [choiceOf(model, "Use"), ...removalOf(model)];
    case "failed":
      return [...mendingOf(model, isOffline), ...(model.is_installed ? removalOf(model) : [])];
  }
}

const choiceOf = ({ id, kind, is_embedded }: Model, words: string): Action => ({
  words,
  change: { do: "use", kind, model: is_embedded ? "embedded" : id },
  tone: "outline",
});

const backOf = ({ kind }: Model): Action => ({
  words: "Go back to the built-in one",
  change: { do: "use", kind, model: "embedded" },
  tone: "ghost",
});

function fetchingOf({ id, has_source, bytes, fit }: Model, isOffline: boolean): Action[] {
  if (!has_source || isOffline) return [];
  const verb = bytes > 0 ? "Go on downloading" : "Download";
  const words = fit.verdict === "no" ? `${verb} it all the same` : verb;
  return [
    { words: `${words} and use`, change: { do: "pull", ids: [id], isForUse: true }, tone: "outline" },
    { words: "Only download", change: { do: "pull", ids: [id], isForUse: false }, tone: "ghost" },
  ];
}

/** What could not be used may do so now, or its files are at fault. */
function mendingOf(model: Model, isOffline: boolean): Action[] {
  const { id, has_source, is_installed } = model;
  const again: Action = {
    words: is_installed ? "Download again" : "Try again",
    change: { do: "pull", ids: [id], isForUse: true },
    tone: "outline",
  };
  const tries = is_installed ? [{ ...choiceOf(model, "Try again"), tone: "ghost" as const }] : [];
  return has_source && !isOffline ? [again, ...tries] : tries;
}

function removalOf(model: Model): Action[] {
  const { id, title, has_source, size_bytes, state } = model;
  if (!has_source) return []; // the user's own folder is not ours to delete
  const isLoaded = state === "ready" || state === "loading" || state === "warming";
  const question = isLoaded
    ? `Remove ${title}? An engine has it; the next of its kind takes over.`
    : `Remove ${title} from this machine?`;
  return [
    {
      words: "Remove",
      change: { do: "remove", id, isForced: isLoaded },
      tone: "ghost",
      confirm: { question, yes: size_bytes > 0 ? `Remove ${sizeWords(size_bytes)}` : "Remove it" },
    },
  ];
}

const discardingOf = ({ id, title }: Model): Action => ({
  words: "Discard",
  change: { do: "remove", id, isForced: false },
  tone: "ghost",
  confirm: { question: `Discard what has come of ${title}?`, yes: "Discard it" },
});
