import { describe, expect, it } from "vitest";
import { decodePcm, encodePcm, fromBase64, toBase64 } from "./pcm";
import { CUSHION_SAMPLES, MAX_QUEUED_SAMPLES, PlayoutQueue } from "./playout-queue";
import { Resampler } from "./resampler";

const tone = (hz: number, rate: number, seconds: number): Float32Array =>
  Float32Array.from({ length: rate * seconds }, (_, index) => Math.sin((2 * Math.PI * hz * index) / rate));

const level = (samples: Float32Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

function resampled(input: Float32Array, from: number, to: number, block: number): Float32Array {
  const resampler = new Resampler(from, to);
  const output: number[] = [];
  for (let start = 0; start < input.length; start += block) {
    output.push(...resampler.process(input.subarray(start, start + block)));
  }
  return Float32Array.from(output);
}

describe("pcm", () => {
  it("clips instead of wrapping round", () => {
    expect([...encodePcm(Float32Array.of(0, 1, -1, 2, -3))]).toEqual([0, 32767, -32768, 32767, -32768]);
  });

  it("comes back from the wire as it went", () => {
    const pcm = encodePcm(tone(440, 24_000, 0.02));
    expect([...fromBase64(toBase64(pcm))]).toEqual([...pcm]);
    expect(level(decodePcm(pcm))).toBeCloseTo(level(tone(440, 24_000, 0.02)), 3);
  });

  it("leaves half a sample out", () => expect(fromBase64(btoa("abc"))).toHaveLength(1));
});

describe("Resampler", () => {
  it.each([48_000, 44_100, 24_000, 16_000, 96_000])("keeps length and level of speech from %d Hz", (rate) => {
    const output = resampled(tone(1_000, rate, 0.5), rate, 24_000, 128);
    expect(Math.abs(output.length - 12_000)).toBeLessThan(60);
    expect(level(output.subarray(600, -600))).toBeCloseTo(Math.SQRT1_2, 2);
  });

  it("takes away what would fold back as a false tone", () => {
    const output = resampled(tone(15_000, 48_000, 0.5), 48_000, 24_000, 128);
    expect(level(output.subarray(600, -600))).toBeLessThan(0.001);
  });

  it("does not depend on how the samples are cut into blocks", () => {
    const input = tone(700, 44_100, 0.1);
    const whole = resampled(input, 44_100, 24_000, input.length);
    const inBlocks = resampled(input, 44_100, 24_000, 100);
    expect(inBlocks).toEqual(whole.subarray(0, inBlocks.length));
  });
});

describe("PlayoutQueue", () => {
  const BLOCK = 128;
  const ones = (length: number): Float32Array => new Float32Array(length).fill(1);
  const pull = (queue: PlayoutQueue): number => {
    const out = new Float32Array(BLOCK);
    queue.pull(out);
    return out.reduce((sum, sample) => sum + sample, 0);
  };

  it("plays at once when a cushion is there", () => {
    const queue = new PlayoutQueue();
    queue.push("a", ones(CUSHION_SAMPLES));
    expect(pull(queue)).toBe(BLOCK);
  });

  it("waits for a cushion, then plays without a gap to the end", () => {
    const queue = new PlayoutQueue();
    queue.push("a", ones(BLOCK));
    expect(pull(queue)).toBe(0);
    queue.push("a", ones(CUSHION_SAMPLES));
    const played = Array.from({ length: Math.ceil(CUSHION_SAMPLES / BLOCK) + 1 }, () => pull(queue));
    expect(played.reduce((sum, part) => sum + part, 0)).toBe(BLOCK + CUSHION_SAMPLES);
    expect(pull(queue)).toBe(0);
  });

  it("plays a reply shorter than the cushion after no longer than the cushion lasts", () => {
    const queue = new PlayoutQueue();
    queue.push("a", ones(BLOCK));
    const silent = Array.from({ length: Math.floor(CUSHION_SAMPLES / BLOCK) }, () => pull(queue));
    expect(Math.max(...silent)).toBe(0);
    expect(pull(queue)).toBe(BLOCK);
  });

  it("gathers a new cushion after it ran dry", () => {
    const queue = new PlayoutQueue();
    queue.push("a", ones(CUSHION_SAMPLES));
    while (pull(queue) > 0);
    queue.push("a", ones(BLOCK));
    expect(pull(queue)).toBe(0);
  });

  it("knows how much of which item was played, silence not counted", () => {
    const queue = new PlayoutQueue();
    expect(queue.position).toBeNull();
    queue.push("a", ones(CUSHION_SAMPLES));
    queue.push("b", ones(BLOCK * 2));
    pull(queue);
    expect(queue.position).toEqual({ item: "a", samples: BLOCK });
    while (pull(queue) > 0);
    expect(queue.position).toEqual({ item: "b", samples: BLOCK * 2 });
  });

  it("is silent after a flush, and counts anew", () => {
    const queue = new PlayoutQueue();
    queue.push("a", ones(CUSHION_SAMPLES * 2));
    pull(queue);
    queue.flush();
    expect(pull(queue)).toBe(0);
    expect(queue.position).toBeNull();
    expect(queue.queued).toBe(0);
  });

  it("drops what a server sends beyond its bound", () => {
    const queue = new PlayoutQueue();
    queue.push("a", ones(MAX_QUEUED_SAMPLES));
    queue.push("a", ones(1));
    expect(queue.queued).toBe(MAX_QUEUED_SAMPLES);
  });
});
