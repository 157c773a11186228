// @openai/agents-realtime in Node, over WebSocket.

import * as lib from '@openai/agents-realtime';
import { agentsScenarios } from './agents_scenarios.mjs';
import { apiKey, main, microphone, realtimeURL, speech } from './support.mjs';
// by its path: the package does not export it, and it knows which events the client takes for what they are
import { parseRealtimeEvent } from './node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.mjs';

const url = `${realtimeURL}?model=gpt-realtime-2.1`;
const toArrayBuffer = (buffer) => buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length);

const scenarios = agentsScenarios({
  lib,
  transport: () => 'websocket',
  connect: (session) => session.connect({ apiKey, url }),
  mouth: async (session) => {
    const samples = await speech();
    const mouth = microphone((chunk) => session.sendAudio(toArrayBuffer(chunk)));
    return { say: () => mouth.say(samples), stop: mouth.stop };
  },
  sayAndCommit: async (session) => session.sendAudio(toArrayBuffer(await speech()), { commit: true }),
  heard: async (talk) => {
    const sizes = talk.events.of('response.output_audio.delta').map((event) => event.delta.length * 0.75);
    return sizes.reduce((sum, size) => sum + size, 0) / 48_000;
  },
  refusal: async (RealtimeAgent, RealtimeSession) => {
    const session = new RealtimeSession(new RealtimeAgent({ name: 'Stranger' }), { transport: 'websocket' });
    session.on('error', () => {});
    try {
      await session.connect({ apiKey: 'sk-wrong', url });
    } catch (error) {
      return error.message;
    }
    return null;
  },
});

/** The events that the client could not read and so made nothing of. */
const unread = (events) =>
  events.filter((event) => parseRealtimeEvent({ data: JSON.stringify(event) }).isGeneric).map((event) => event.type);

const told = (scenario) => async () => {
  const { events, ...found } = await scenario();
  return { ...found, unread: unread(events), types: events.map((event) => event.type) };
};

await main(Object.fromEntries(Object.entries(scenarios).map(([name, scenario]) => [name, told(scenario)])));
