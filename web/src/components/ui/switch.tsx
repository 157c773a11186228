import * as Primitive from "@radix-ui/react-switch";
import { useId } from "react";

type SwitchProps = { label: string; hint: string; isOn: boolean; onChange(isOn: boolean): void };

export function Switch({ label, hint, isOn, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div className="flex min-h-11 items-center justify-between gap-4">
      <label htmlFor={id} className="flex-1 py-1">
        <span className="block font-medium">{label}</span>
        <span id={`${id}-hint`} className="block text-quiet text-sm">
          {hint}
        </span>
      </label>
      <Primitive.Root
        id={id}
        checked={isOn}
        onCheckedChange={onChange}
        aria-describedby={`${id}-hint`}
        className="relative h-7 w-12 shrink-0 rounded-full border border-edge bg-sunken transition-colors after:absolute after:-inset-2 data-[state=checked]:border-ink data-[state=checked]:bg-ink"
      >
        <Primitive.Thumb className="block size-5 translate-x-1 rounded-full bg-quiet transition-transform data-[state=checked]:translate-x-6 data-[state=checked]:bg-paper" />
      </Primitive.Root>
    </div>
  );
}
