// npm `openai`, REST.

import { createReadStream } from 'node:fs';
import OpenAI, { toFile } from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { sunny, weather } from './events.mjs';
import { apiKey, baseURL, failure, main } from './support.mjs';

const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const recording = () => createReadStream(process.env.RECORDING);
const question = 'what is twelve times seven';
const messages = [{ role: 'user', content: question }];

async function speech() {
  const found = {};
  for (const form of ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm']) {
    const reply = await client.audio.speech.create({
      model: 'gpt-4o-mini-tts',
      voice: 'coral',
      input: 'Dinner is ready.',
      response_format: form,
    });
    const sound = Buffer.from(await reply.arrayBuffer());
    found[form] = { type: reply.headers.get('content-type'), sound: sound.toString('base64') };
  }
  return found;
}

async function transcriptions() {
  const ask = (more) => client.audio.transcriptions.create({ model: 'whisper-1', file: recording(), ...more });
  const streamed = [];
  for await (const event of await ask({ model: 'gpt-4o-transcribe', stream: true })) streamed.push(event);
  const verbose = { response_format: 'verbose_json', timestamp_granularities: ['word'] };
  return {
    json: await ask({}),
    text: await ask({ response_format: 'text' }),
    srt: await ask({ response_format: 'srt' }),
    vtt: await ask({ response_format: 'vtt' }),
    verbose: await ask(verbose),
    streamed,
    translated: await client.audio.translations.create({ model: 'whisper-1', file: recording() }),
  };
}

async function chat() {
  const chunks = [];
  const stream = await client.chat.completions.create({
    model: 'gpt-4o',
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of stream) chunks.push(chunk);
  const shaped = await client.chat.completions.parse({
    model: 'gpt-4o',
    messages,
    response_format: zodResponseFormat(z.object({ answer: z.string() }), 'sum'),
  });
  return { chunks, shaped: shaped.choices[0].message.parsed };
}

async function tools() {
  const asked = [];
  const run = client.chat.completions.runTools({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'what is the weather in Paris' }],
    stream: true,
    tools: [
      {
        type: 'function',
        function: {
          ...weather,
          parse: JSON.parse,
          function: (given) => {
            asked.push(given);
            return sunny;
          },
        },
      },
    ],
  });
  return { answer: await run.finalContent(), asked };
}

async function models() {
  const listed = [];
  for await (const model of client.models.list()) listed.push(model.id);
  return { listed, alias: await client.models.retrieve('gpt-4o'), unknown: await failure(client.models.retrieve('a/b')) };
}

async function errors() {
  const stranger = new OpenAI({ baseURL, apiKey: 'sk-wrong', maxRetries: 0 });
  const file = await toFile(Buffer.alloc(5000, 'not sound'), 'sound.mp3');
  return {
    key: await failure(stranger.models.list()),
    model: await failure(client.chat.completions.create({ model: 'nobody/9b', messages })),
    messages: await failure(client.chat.completions.create({ model: 'gpt-4o', messages: 'hello' })),
    voice: await failure(client.audio.speech.create({ model: 'tts-1', voice: 'nobody', input: 'hi' })),
    file: await failure(client.audio.transcriptions.create({ model: 'whisper-1', file })),
  };
}

await main({ speech, transcriptions, chat, tools, models, errors });
