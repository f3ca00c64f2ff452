// Unmodified clients with a fixed idea of where the team is, led to an emulator
// by environment variables alone: reach.mjs CLIENT TOKEN DOMAIN AUDIENCE.
// Prints the claims it believed; fails where it believed nothing.

import { load } from './packages.mjs';

const [client, token, domain, audience] = process.argv.slice(2);
const issuer = `https://${domain}`;

async function withJose(name) {
  const { createRemoteJWKSet, jwtVerify } = await load(name);
  const keys = createRemoteJWKSet(new URL(`${issuer}/cdn-cgi/access/certs`));
  return (await jwtVerify(token, keys, { issuer, audience })).payload;
}

async function withHono() {
  const [{ Hono }, { cloudflareAccess }] = [await load('hono'), await load('@hono/cloudflare-access')];
  const app = new Hono();
  app.use('*', cloudflareAccess(domain.split('.')[0], audience));
  app.get('/', (context) => context.json(context.get('accessPayload')));
  const answer = await app.request('/', { headers: { 'cf-access-jwt-assertion': token } });
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

const claims = client === 'hono' ? await withHono() : await withJose(client);
process.stdout.write(JSON.stringify({ claims }));
