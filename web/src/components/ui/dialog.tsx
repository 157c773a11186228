import * as Primitive from "@radix-ui/react-dialog";
import { clsx } from "clsx";
import { X } from "lucide-react";
import { type ReactNode, useRef } from "react";
import { Button } from "./button";

type DialogProps = {
  title: string;
  description: string;
  isOpen: boolean;
  onOpenChange(isOpen: boolean): void;
  isWide?: boolean;
  children: ReactNode;
};

export function Dialog({ title, description, isOpen, onOpenChange, isWide = false, children }: DialogProps) {
  const opener = useRef<Element | null>(null);
  // Without a trigger of its own Radix would leave the focus nowhere.
  const giveFocusBack = (): void => {
    if (opener.current instanceof HTMLElement) opener.current.focus();
  };
  return (
    <Primitive.Root open={isOpen} onOpenChange={onOpenChange}>
      <Primitive.Portal>
        <Primitive.Overlay className="fixed inset-0 z-40 bg-black/45" />
        <Primitive.Content
          onOpenAutoFocus={() => {
            opener.current = document.activeElement;
          }}
          onCloseAutoFocus={giveFocusBack}
          className={clsx(
            "-translate-x-1/2 -translate-y-1/2 fixed top-1/2 left-1/2 z-50 max-h-[85dvh] overflow-y-auto rounded-2xl border border-rule bg-sheet p-6 shadow-2xl",
            isWide ? "w-[min(46rem,calc(100vw-2rem))]" : "w-[min(30rem,calc(100vw-2rem))]",
          )}
        >
          <Primitive.Title className="pr-10 font-serif text-2xl italic">{title}</Primitive.Title>
          <Primitive.Description className="mt-1 text-quiet text-sm">{description}</Primitive.Description>
          {children}
          <Primitive.Close asChild>
            <Button variant="ghost" className="absolute top-4 right-4" aria-label="Close">
              <X aria-hidden />
            </Button>
          </Primitive.Close>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
