import type { LatencyMs } from "../realtime/events";

export type Leg = { name: string; start: number; end: number };

/**
 * The legs as bars on one time line, in milliseconds from the end of speech.
 *
 * The first three are measured from there. The others are durations: they end with the first sound, one
 * before the other, and what begins before the turn was over was begun on speculation.
 */
export function latencyLegs(latency: LatencyMs, bufferMs: number | null): Leg[] {
  const total = latency.voice_to_voice;
  if (total === null) return [];
  const delivery = total - (latency.delivery ?? 0);
  const sound = delivery - (latency.tts_first_audio ?? 0);
  const words = sound - (latency.llm_first_token ?? 0);
  const legs: [string, number | null, number | null][] = [
    ["Silence noticed", 0, latency.vad],
    ["Words recognised", 0, latency.stt_final],
    ["Turn over", 0, latency.end_of_turn],
    ["First word of the answer", words, latency.llm_first_token === null ? null : sound],
    ["First sound of it", sound, latency.tts_first_audio === null ? null : delivery],
    ["On its way to you", delivery, latency.delivery === null ? null : total],
    ["Held back by the browser", total, bufferMs === null ? null : total + bufferMs],
  ];
  return legs.flatMap(([name, start, end]) =>
    start === null || end === null ? [] : [{ name, start: Math.max(0, start), end: Math.max(0, end) }],
  );
}
