// What every script here shares: its settings, a microphone, and the one line it reports.
//
// A script is `node NAME.mjs SCENARIO`; the server's address and key come as OPENAI_BASE_URL and OPENAI_API_KEY.

import { readFile } from 'node:fs/promises';

export const baseURL = process.env.OPENAI_BASE_URL;
export const apiKey = process.env.OPENAI_API_KEY;
export const realtimeURL = `${baseURL.replace(/^http/, 'ws')}/realtime`;

const CHUNK_MS = 20;
const RATE_HZ = 24_000;
const ROOM_NOISE = 12;

/** Run the scenario that was named, and print what it returns as one line of JSON. */
export async function main(scenarios) {
  const scenario = scenarios[process.argv[2]];
  if (!scenario) throw new Error(`there is no scenario ${process.argv[2]}`);
  // once it is written, whatever is still open is of no account
  process.stdout.write(`${JSON.stringify(await scenario())}\n`, () => process.exit(0));
}

/** A recording as `microphone` says it: 24 kHz mono s16le. */
export const speech = () => readFile(process.env.SPEECH);

/** Gives `send` 20 ms every 20 ms, what is said or the room; returns how to say something and how to stop. */
export function microphone(send) {
  const size = (RATE_HZ * 2 * CHUNK_MS) / 1000;
  const said = [];
  let due = performance.now();
  let timer;
  const room = () => {
    const samples = Int16Array.from({ length: size / 2 }, () => (Math.random() * 2 - 1) * ROOM_NOISE);
    return Buffer.from(samples.buffer);
  };
  const tick = () => {
    send(said.shift() ?? room());
    due += CHUNK_MS;
    timer = setTimeout(tick, Math.max(0, due - performance.now()));
  };
  tick();
  return {
    say: (samples) => {
      for (let at = 0; at < samples.length; at += size) {
        said.push(Buffer.concat([samples.subarray(at, at + size)], size));
      }
    },
    stop: () => clearTimeout(timer),
  };
}

/** An error as far as a client can see it. */
export const seen = (error) => ({
  name: error.constructor.name,
  status: error.status,
  code: error.code,
  param: error.param,
  type: error.type,
  requestID: error.requestID,
  message: error.message,
});

/** The error that `promise` ends with; ending well is the error then. */
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return seen(error);
  }
  throw new Error('this should have failed');
}
