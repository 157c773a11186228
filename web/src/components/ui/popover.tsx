import * as Primitive from "@radix-ui/react-popover";
import type { ReactNode } from "react";

/** Around a button: it closes the popover that it is in. */
export const PopoverClose = Primitive.Close;

type PopoverProps = {
  /** A button: it opens and closes the popover. */
  trigger: ReactNode;
  label: string;
  side?: "top" | "bottom";
  onOpenChange?(isOpen: boolean): void;
  children: ReactNode;
};

export function Popover({ trigger, label, side = "bottom", onOpenChange, children }: PopoverProps) {
  return (
    <Primitive.Root {...(onOpenChange ? { onOpenChange } : {})}>
      <Primitive.Trigger asChild>{trigger}</Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Content
          aria-label={label}
          side={side}
          sideOffset={8}
          collisionPadding={16}
          className="z-30 w-[min(22rem,calc(100vw-2rem))] rounded-2xl border border-rule bg-sheet p-4 shadow-xl"
        >
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
