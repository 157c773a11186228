import { useEffect, useEffectEvent, useRef } from "react";
import { useReducedMotion } from "../../hooks/useReducedMotion";
import type { Presence } from "../../session/presence";
import { drawStrings, glide, motions } from "./strings";

/** Sharper than twice costs a phone's battery and shows nobody more. */
const MAX_SCALE = 2;
/** Seconds in which a motion has gone most of its way to the next, and a loudness to the one now. */
const GLIDE = 0.22;
const ATTACK = 0.05;

type OrbCanvasProps = { presence: Presence; loudness: () => number };

/** Draws in its own text colour, which CSS blends from state to state. Still where motion is not wanted. */
export function OrbCanvas({ presence, loudness }: OrbCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const isStill = useReducedMotion();
  const scene = useRef({ motion: motions[presence], loudness: 0, phase: 0, last: 0 });

  const draw = useEffectEvent((now: number) => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    const current = scene.current;
    const elapsed = Math.min(0.1, (now - current.last) / 1000);
    current.last = now;
    const ease = (time: number): number => (isStill ? 1 : 1 - Math.exp(-elapsed / time));
    current.motion = glide(current.motion, motions[presence], ease(GLIDE));
    current.loudness += ((isStill ? 0 : loudness()) - current.loudness) * ease(ATTACK);
    current.phase += elapsed * current.motion.speed;
    const scale = Math.min(MAX_SCALE, window.devicePixelRatio);
    const size = Math.round(element.clientWidth * scale);
    if (element.width !== size) element.width = element.height = size;
    drawStrings(context, size, { ...current, colour: getComputedStyle(element).color });
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: a still orb is drawn anew when its presence changes
  useEffect(() => {
    let request = 0;
    const loop = (now: number): void => {
      draw(now);
      if (!isStill) request = requestAnimationFrame(loop);
    };
    request = requestAnimationFrame(loop);
    return () => cancelAnimationFrame(request);
  }, [isStill, isStill && presence]);

  return (
    <canvas ref={canvas} aria-hidden className="absolute inset-0 size-full transition-colors duration-500" />
  );
}
