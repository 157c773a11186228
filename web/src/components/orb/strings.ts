import type { Presence } from "../../session/presence";

/** How the five strings move; every value glides when the presence changes. */
export type Motion = {
  /** Radians per second that the waves travel. */
  speed: number;
  /** Displacement at silence and what full loudness adds, in shares of the orb's radius. */
  rest: number;
  swell: number;
  /** Waves round the circle. */
  lobes: number;
  /** Share of each string that is drawn: below 1 they are arcs that turn. */
  arc: number;
  /** Strength of the light inside. */
  glow: number;
};

const still: Motion = { speed: 0.12, rest: 0.006, swell: 0, lobes: 3, arc: 1, glow: 0.1 };

export const motions: Record<Presence, Motion> = {
  idle: { ...still, speed: 0.35, rest: 0.014 },
  ready: { ...still, speed: 0.35, rest: 0.014 },
  connecting: { ...still, speed: 1.6, arc: 0.5 },
  reconnecting: { ...still, speed: 1.1, arc: 0.3, glow: 0.05 },
  muted: { ...still, rest: 0, glow: 0.03 },
  listening: { speed: 1.1, rest: 0.012, swell: 0.1, lobes: 5, arc: 1, glow: 0.14 },
  thinking: { speed: 2.2, rest: 0.012, swell: 0, lobes: 2, arc: 0.72, glow: 0.2 },
  speaking: { speed: 1.7, rest: 0.02, swell: 0.13, lobes: 4, arc: 1, glow: 0.34 },
  error: { ...still, speed: 0, rest: 0, arc: 0.82, glow: 0.05 },
};

/** One step of the way from one motion to another; `share` is 0 to 1. */
export function glide(from: Motion, to: Motion, share: number): Motion {
  const mix = (key: keyof Motion): number => from[key] * (1 - share) + to[key] * share;
  return {
    speed: mix("speed"),
    rest: mix("rest"),
    swell: mix("swell"),
    lobes: mix("lobes"),
    arc: mix("arc"),
    glow: mix("glow"),
  };
}

/** A staff has five lines; here they are closed to a circle. */
const STRINGS = 5;
const INNERMOST = 0.58;
const SPACING = 0.075;
const SEGMENTS = 120;
const TURN = Math.PI * 2;

type Scene = { motion: Motion; loudness: number; phase: number; colour: string };

export function drawStrings(context: CanvasRenderingContext2D, size: number, scene: Scene): void {
  context.clearRect(0, 0, size, size);
  context.save();
  context.translate(size / 2, size / 2);
  drawGlow(context, size / 2, scene);
  context.strokeStyle = scene.colour;
  context.lineCap = "round";
  for (let index = 0; index < STRINGS; index++) drawString(context, size / 2, index, scene);
  context.restore();
}

/** The page's colours are all oklch(), whose computed form takes an alpha after a slash. */
const clear = (colour: string): string => colour.replace(/\)$/, " / 0)");

function drawGlow(
  context: CanvasRenderingContext2D,
  radius: number,
  { motion, loudness, colour }: Scene,
): void {
  const reach = radius * (0.86 + motion.swell * loudness);
  const light = context.createRadialGradient(0, 0, 0, 0, 0, reach);
  light.addColorStop(0, colour);
  light.addColorStop(1, clear(colour)); // "transparent" is a clear black, which would grey the way there
  context.globalAlpha = motion.glow * (0.75 + loudness * 0.6);
  context.fillStyle = light;
  context.beginPath();
  context.arc(0, 0, reach, 0, TURN);
  context.fill();
}

function drawString(context: CanvasRenderingContext2D, radius: number, index: number, scene: Scene): void {
  const { motion, loudness, phase } = scene;
  const base = radius * (INNERMOST + SPACING * index);
  const depth = radius * (motion.rest + motion.swell * loudness) * (1 - index * 0.1);
  const direction = index % 2 === 0 ? 1 : -1;
  const begin = direction * phase * (0.35 + index * 0.12) + index * 1.3;
  context.globalAlpha = 0.95 - index * 0.15;
  context.lineWidth = Math.max(1.25, radius * (0.016 - index * 0.0016));
  context.beginPath();
  for (let step = 0; step <= SEGMENTS; step++) {
    const angle = (step / SEGMENTS) * TURN * motion.arc;
    const wave =
      Math.sin(angle * Math.round(motion.lobes) + direction * phase + index * 0.7) * 0.62 +
      Math.sin(angle * (Math.round(motion.lobes) + 2) - phase * 1.3 + index) * 0.38;
    const reach = base + depth * wave;
    const at = angle + (motion.arc < 0.995 ? begin : 0);
    context.lineTo(Math.cos(at) * reach, Math.sin(at) * reach);
  }
  if (motion.arc >= 0.995) context.closePath();
  context.stroke();
}
