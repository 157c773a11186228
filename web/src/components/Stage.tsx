import { clsx } from "clsx";
import type { ReactNode } from "react";
import { type Presence, presenceColours, presenceWords } from "../session/presence";
import type { SessionSnapshot } from "../session/voice-session";

/** The smaller line under the word of state: what can be done now. */
function hintOf(presence: Presence, { link, microphone }: SessionSnapshot, isStarting: boolean): string {
  if (isStarting && presence !== "error") return "The engines are still starting";
  switch (presence) {
    case "idle":
      return "Press to talk, or write below";
    case "connecting":
      return "Just a moment";
    case "reconnecting":
      return "The conversation goes on as soon as the server is back";
    case "ready":
      return "Write below, or press to talk";
    case "muted":
      return "Press to unmute, or hold Space to talk";
    case "listening":
      return microphone.isTalking ? "Let go when you have said it" : "Go ahead";
    case "thinking":
      return "One moment";
    case "speaking":
      return "Speak to interrupt";
    case "error":
      return link.phase === "off" ? (link.problem ?? "") : "See below; you can go on talking";
  }
}

type StageProps = {
  presence: Presence;
  snapshot: SessionSnapshot;
  /** Not every engine is ready yet. */
  isStarting: boolean;
  /** On a phone the conversation needs the room: orb and words stand side by side. */
  isCompact: boolean;
  orb: ReactNode;
  /** Under the words of state. */
  measure: ReactNode;
  children: ReactNode;
};

export function Stage({ presence, snapshot, isStarting, isCompact, orb, measure, children }: StageProps) {
  return (
    <section
      aria-label="Talk"
      data-transport={snapshot.link.phase === "live" ? snapshot.link.kind : undefined}
      className={clsx("flex flex-col items-center gap-3 lg:my-auto lg:gap-4", !isCompact && "pt-4 lg:pt-0")}
    >
      <div
        className={clsx("flex items-center gap-x-4 gap-y-3 lg:flex-col lg:gap-4", !isCompact && "flex-col")}
      >
        {orb}
        <div className={clsx("lg:text-center", !isCompact && "text-center")}>
          <p
            data-presence={presence}
            className={clsx(
              "font-serif italic leading-tight transition-colors duration-500 lg:text-4xl",
              isCompact ? "text-2xl" : "text-3xl",
              presenceColours[presence],
            )}
          >
            {presenceWords[presence]}
          </p>
          <p className="mt-0.5 text-quiet text-sm lg:text-base">{hintOf(presence, snapshot, isStarting)}</p>
          {measure}
        </div>
      </div>
      {children}
    </section>
  );
}
