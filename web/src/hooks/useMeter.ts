import { useEffect, useRef } from "react";
import { Meter } from "../audio/meter";

/** A function that tells the stream's loudness now; it stays the same, so that drawing loops can hold it. */
export function useMeter(stream: MediaStream | null): () => number {
  const meter = useRef<Meter | null>(null);
  const read = useRef(() => meter.current?.loudness() ?? 0);
  useEffect(() => {
    if (!stream || stream.getAudioTracks().length === 0) return;
    const current = new Meter(stream);
    meter.current = current;
    return () => {
      meter.current = null;
      current.close();
    };
  }, [stream]);
  return read.current;
}
