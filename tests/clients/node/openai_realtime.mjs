// npm `openai`, Realtime. `OpenAIRealtimeWS` knows no address but `wss:`.

import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { Events, sunny, weather } from './events.mjs';
import { apiKey, baseURL, main, microphone, speech } from './support.mjs';

const client = new OpenAI({ baseURL, apiKey });

/** A connection and its events, once the server has said hello. */
async function connected(using = client, session = { model: 'gpt-realtime' }) {
  const events = new Events();
  const realtime = new OpenAIRealtimeWS(session, using);
  realtime.on('event', (event) => events.add(event));
  realtime.on('error', (error) => error.error || events.add({ type: 'error', error: error.message }));
  await events.expect('session.created');
  return { realtime, events, send: (event) => realtime.send(event) };
}

async function configured(talk, session) {
  talk.send({ type: 'session.update', session: { type: 'realtime', ...session } });
  return (await talk.events.expect('session.updated')).session;
}

async function write(talk, text) {
  const content = [{ type: 'input_text', text }];
  talk.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  await talk.events.expect('conversation.item.done');
  talk.send({ type: 'response.create' });
}

async function answered(talk) {
  const { response } = await talk.events.expect('response.done');
  const mine = (type) => talk.events.of(type).filter((event) => event.response_id === response.id);
  const sound = mine('response.output_audio.delta').map((event) => Buffer.from(event.delta, 'base64').length);
  return {
    status: response.status,
    reason: response.status_details?.reason,
    words: mine('response.output_audio_transcript.delta').map((event) => event.delta).join(''),
    text: mine('response.output_text.delta').map((event) => event.delta).join(''),
    seconds: sound.reduce((sum, size) => sum + size, 0) / 48_000,
    output: response.output,
  };
}

const append = (talk) => (samples) =>
  talk.send({ type: 'input_audio_buffer.append', audio: samples.toString('base64') });

async function text() {
  const talk = await connected();
  const aloud = (await write(talk, 'what is twelve times seven'), await answered(talk));
  const session = await configured(talk, { output_modalities: ['text'] });
  const written = (await write(talk, 'what is twelve times seven'), await answered(talk));
  return { aloud, written, modalities: session.output_modalities };
}

async function spoken() {
  const talk = await connected();
  const mouth = microphone(append(talk));
  mouth.say(await speech());
  const reply = await answered(talk);
  mouth.stop();
  return { heard: talk.events.of('conversation.item.input_audio_transcription.completed'), reply };
}

async function tool() {
  const talk = await connected();
  await configured(talk, { tools: [{ type: 'function', ...weather }] });
  await write(talk, 'what is the weather in Paris');
  const asked = await answered(talk);
  const { call_id } = asked.output.find((item) => item.type === 'function_call');
  talk.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id, output: sunny } });
  talk.send({ type: 'response.create' });
  return { asked, told: await answered(talk) };
}

async function interruption() {
  const talk = await connected();
  await write(talk, 'count to forty');
  const { item_id } = await talk.events.expect('response.output_audio.delta');
  const mouth = microphone(append(talk));
  mouth.say(await speech());
  const cut = await answered(talk);
  talk.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 300 });
  const truncated = await talk.events.expect('conversation.item.truncated');
  const next = await answered(talk);
  mouth.stop();
  return { item_id, cut, truncated, next };
}

async function manual() {
  const talk = await connected();
  await configured(talk, { audio: { input: { turn_detection: null } } });
  append(talk)(await speech());
  talk.send({ type: 'input_audio_buffer.commit' });
  const heard = await talk.events.expect('conversation.item.input_audio_transcription.completed');
  talk.send({ type: 'response.create' });
  return { heard, reply: await answered(talk) };
}

async function errors() {
  const talk = await connected();
  const told = [];
  for (const event of [
    { type: 'response.cancel', event_id: 'e1' },
    { type: 'input_audio_buffer.commit', event_id: 'e2' },
    { type: 'session.update', event_id: 'e3', session: { type: 'robot' } },
  ]) {
    talk.send(event);
    told.push((await talk.events.expect('error')).error);
  }
  const stranger = new OpenAIRealtimeWS({ model: 'gpt-realtime' }, new OpenAI({ baseURL, apiKey: 'sk-wrong' }));
  const refused = await new Promise((resolve) => stranger.on('error', resolve));
  return { told, refused: refused.message };
}

async function secret() {
  const session = { type: 'realtime', instructions: 'Be brief.' };
  const { value } = await client.realtime.clientSecrets.create({ session });
  const talk = await connected(new OpenAI({ baseURL, apiKey: value }));
  return { value, instructions: talk.events.all[0].session.instructions };
}

async function transcription() {
  const talk = await connected(client, { intent: 'transcription' });
  const mouth = microphone(append(talk));
  mouth.say(await speech());
  const heard = await talk.events.expect('conversation.item.input_audio_transcription.completed');
  mouth.stop();
  return { session: talk.events.all[0].session, heard };
}

await main({ text, spoken, tool, interruption, manual, errors, secret, transcription });
