import { Unplug } from "lucide-react";
import { Button } from "./ui/button";

type BannerProps = { text: string; onRetry: (() => void) | null };

export function Banner({ text, onRetry }: BannerProps) {
  return (
    <div
      role="alert"
      className="safe-x flex items-center justify-center gap-3 bg-problem py-1.5 text-paper text-sm"
    >
      <Unplug aria-hidden className="size-4 shrink-0" />
      <span>{text}</span>
      {onRetry && (
        <Button
          variant="ghost"
          className="text-paper underline hover:bg-black/15 hover:text-paper"
          onClick={onRetry}
        >
          Try now
        </Button>
      )}
    </div>
  );
}
