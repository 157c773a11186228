// livekit-client in Node: what it exports, and its TokenSource.endpoint against a token endpoint.
//
// `node livekit_tokens.mjs SCENARIO`; NAMES are those that a page imports, as JSON; TOKEN_ENDPOINT is a URL.

import * as client from 'livekit-client';
import { main } from './support.mjs';

const options = { headers: { Authorization: `Bearer ${process.env.OPENAI_API_KEY}` } };
const source = () => client.TokenSource.endpoint(process.env.TOKEN_ENDPOINT, options);
const fetched = async (tokens, asked, force) => {
  const { serverUrl, participantToken } = await tokens.fetch(asked, force);
  return { serverUrl, participantToken, claims: client.decodeTokenPayload(participantToken) };
};

await main({
  /** Which of `[["RoomEvent", "Reconnecting"], ["Room"], …]` are not there. */
  names: async () => {
    const reach = (path) => path.reduce((of, name) => of?.[name], client);
    return JSON.parse(process.env.NAMES).filter((path) => reach(path) === undefined);
  },

  tokens: async () => {
    const tokens = source();
    const empty = await fetched(tokens, {});
    const again = await fetched(tokens, {});
    const forced = await fetched(tokens, {}, true);
    const asked = await fetched(tokens, {
      roomName: 'the-kitchen',
      participantIdentity: 'ann',
      participantName: 'Ann',
      participantMetadata: 'of the kitchen',
      participantAttributes: { colour: 'red' },
      agentName: process.env.AGENT,
      agentMetadata: JSON.stringify({ session: { type: 'realtime', instructions: 'Be brief.' } }),
    });
    const refused = await tokens.fetch({ agentName: process.env.AGENT, agentMetadata: 'no JSON' }).catch(String);
    return { empty, again, forced, asked, refused };
  },
});
