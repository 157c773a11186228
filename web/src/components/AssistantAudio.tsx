import { Volume2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button } from "./ui/button";

type AssistantAudioProps = { stream: MediaStream | null; isHushed: boolean; speaker: string | null };

/** A plain element and nothing between it and the stream, so that echo cancellation knows what is heard. */
export function AssistantAudio({ stream, isHushed, speaker }: AssistantAudioProps) {
  const element = useRef<HTMLAudioElement>(null);
  const [isBlocked, setIsBlocked] = useState(false);

  const play = (): void => {
    element.current?.play().then(
      () => setIsBlocked(false),
      (error: unknown) => setIsBlocked(error instanceof DOMException && error.name === "NotAllowedError"),
    );
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: plays anew for a new stream only
  useEffect(() => {
    if (!element.current) return;
    element.current.srcObject = stream;
    if (stream) play();
  }, [stream]);

  useEffect(() => {
    if (element.current) element.current.muted = isHushed;
  }, [isHushed]);

  useEffect(() => {
    // A loudspeaker that was unplugged since it was chosen cannot be set: the system's default plays on.
    if (element.current && "setSinkId" in element.current)
      element.current.setSinkId(speaker ?? "").catch(() => {});
  }, [speaker]);

  return (
    <>
      {/* biome-ignore lint/a11y/useMediaCaption: the conversation beside it is the caption */}
      <audio ref={element} autoPlay />
      {isBlocked && (
        <Button onClick={play} variant="solid">
          <Volume2 aria-hidden /> Let the assistant be heard
        </Button>
      )}
    </>
  );
}
