import { cva, type VariantProps } from "class-variance-authority";
import { clsx } from "clsx";
import type { ComponentProps } from "react";

const look = cva(
  "inline-flex min-h-11 min-w-11 items-center justify-center gap-2 rounded-full text-sm font-medium transition-colors [&_svg]:size-[1.125rem] [&_svg]:shrink-0",
  {
    variants: {
      variant: {
        solid: "bg-ink px-5 text-paper hover:bg-ink/85 disabled:bg-sunken disabled:text-quiet",
        icon: "size-11 border border-edge bg-sheet text-ink hover:bg-sunken",
        outline:
          "border border-edge bg-sheet px-5 text-ink hover:bg-sunken disabled:border-rule disabled:bg-transparent disabled:text-quiet",
        ghost: "px-3 text-quiet hover:bg-sunken hover:text-ink",
        danger: "border border-edge bg-sheet px-5 text-problem hover:bg-sunken",
      },
    },
    defaultVariants: { variant: "outline" },
  },
);

export type ButtonProps = ComponentProps<"button"> & VariantProps<typeof look>;

export function Button({ className, variant, type = "button", ...props }: ButtonProps) {
  return <button type={type} className={clsx(look({ variant }), className)} {...props} />;
}
