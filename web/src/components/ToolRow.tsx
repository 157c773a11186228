import * as Collapsible from "@radix-ui/react-collapsible";
import { ChevronRight, TriangleAlert, Wrench } from "lucide-react";
import { parseJson } from "../realtime/guard";
import type { ToolEntry } from "../session/conversation";

/** Indented where it is JSON, else as it came. */
function legible(source: string): string {
  const value = parseJson(source);
  return value === undefined ? source : JSON.stringify(value, null, 2);
}

function Detail({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt className="text-quiet text-xs">{name}</dt>
      <dd className="max-h-48 overflow-auto whitespace-pre-wrap break-words font-mono text-xs">
        {legible(value)}
      </dd>
    </div>
  );
}

export function ToolRow({ entry }: { entry: ToolEntry }) {
  const Icon = entry.isError ? TriangleAlert : Wrench;
  return (
    <Collapsible.Root data-entry="tool" className="w-full max-w-md rounded-xl border border-rule bg-sheet">
      <Collapsible.Trigger className="group flex min-h-11 w-full items-center gap-2.5 rounded-xl px-3.5 text-left text-sm hover:bg-sunken">
        <Icon aria-hidden className={entry.isError ? "size-4 text-problem" : "size-4 text-quiet"} />
        <span className="flex-1 truncate">
          {entry.isError ? "Tried" : "Used"}{" "}
          <span className="font-medium">{entry.name.replaceAll("_", " ")}</span>
        </span>
        <ChevronRight
          aria-hidden
          className="size-4 text-quiet transition-transform group-data-[state=open]:rotate-90"
        />
      </Collapsible.Trigger>
      <Collapsible.Content>
        <dl className="grid gap-2 border-rule border-t px-3.5 py-3">
          <Detail name="Asked with" value={entry.arguments} />
          <Detail name={entry.isError ? "Error" : "Answer"} value={entry.output} />
        </dl>
      </Collapsible.Content>
    </Collapsible.Root>
  );
}
