// The notes of everybody, in memory. Who is asking, the gateway says; it alone reaches this server.

import { readFileSync } from 'node:fs';
import http from 'node:http';
import { text } from 'node:stream/consumers';

const page = readFileSync(new URL('index.html', import.meta.url));
const notes = new Map();

async function answer(request) {
  if (request.url !== '/api/notes') return ['text/html; charset=utf-8', page];
  const who = request.headers['cf-access-authenticated-user-email'] ?? 'nobody';
  const mine = notes.get(who) ?? [];
  if (request.method === 'POST') notes.set(who, [...mine, await text(request)]);
  return ['application/json', JSON.stringify({ who, notes: notes.get(who) ?? [] })];
}

const server = http.createServer(async (request, response) => {
  const [type, body] = await answer(request);
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
});
const port = Number(process.env.PORT ?? 3000);
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
