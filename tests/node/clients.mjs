// Unmodified clients of Access, each by its own configuration: clients.mjs CLIENT DOMAIN AUDIENCE.
// Says its version, then reads a token a line. Answers each with a line: {"caller", "identity"} of what it believed, or {"refused"}.
// The environment leads them to an emulator; nothing here names one.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import readline from 'node:readline';

import { load } from './packages.mjs';

const [client, domain, audience] = process.argv.slice(2);
const [team] = domain.split('.');
const issuer = `https://${domain}`;
const header = (token) => ({ 'cf-access-jwt-assertion': token });
const name = ({ email, common_name }) => email ?? common_name;

async function jose(version) {
  const { createRemoteJWKSet, jwtVerify } = await load(version);
  const keys = createRemoteJWKSet(new URL(`${issuer}/cdn-cgi/access/certs`));
  return async (token) => ({ caller: name((await jwtVerify(token, keys, { issuer, audience })).payload) });
}

async function hono() {
  const [{ Hono }, { cloudflareAccess }] = [await load('hono'), await load('@hono/cloudflare-access')];
  const app = new Hono();
  app.use('*', cloudflareAccess(team, audience));
  app.get('/', (context) => context.json(context.get('accessPayload')));
  return async (token) => {
    const answer = await app.request('/', { headers: header(token) });
    if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
    return { caller: name(await answer.json()) };
  };
}

// A Pages function: the plugin is the middleware, what follows it is the site.
async function pages() {
  const { default: plugin } = await load(PAGES);
  const onRequest = plugin({ domain: issuer, aud: audience });
  return async (token) => {
    const data = {};
    const answer = await onRequest({
      request: new Request('https://app.localhost/', { headers: header(token) }),
      functionPath: '',
      env: {},
      data,
      params: {},
      next: async () => new Response('the site'),
      waitUntil() {},
      passThroughOnException() {},
    });
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.headers.get('location')}`);
    const { payload, getIdentity } = data.cloudflareAccess.JWT;
    return { caller: name(payload), identity: payload.email && (await getIdentity())?.email };
  };
}

// The provider's authenticator, as Backstage's auth backend makes it from `auth.providers.cfaccess`.
async function backstage() {
  const packages = createRequire(`${process.env.PACKAGES}/package.json`);
  const { createCloudflareAccessAuthenticator } = packages(BACKSTAGE);
  const { ConfigReader } = packages('@backstage/config');
  const authenticator = createCloudflareAccessAuthenticator();
  const serviceTokens = [{ token: process.env.SERVICE_TOKEN, subject: 'robot@corp.test' }];
  const helper = authenticator.initialize({ config: new ConfigReader({ teamName: team, audience, serviceTokens }) });
  return async (token) => {
    const req = { cookies: {}, header: (wanted) => header(token)[wanted.toLowerCase()] };
    const { result } = await authenticator.authenticate({ req }, helper);
    const { email } = result.cfIdentity;
    return { caller: name(result.claims), identity: email };
  };
}

const BACKSTAGE = '@backstage/plugin-auth-backend-module-cloudflare-access-provider';
const PAGES = '@cloudflare/pages-plugin-cloudflare-access';
const clients = {
  hono: ['@hono/cloudflare-access', hono],
  'jose 5': ['jose', () => jose('jose')],
  'jose 6': ['jose-6', () => jose('jose-6')],
  pages: [PAGES, pages],
  backstage: [BACKSTAGE, backstage],
};
const [package_, start] = clients[client];
const believes = await start();
const about = JSON.parse(readFileSync(`${process.env.PACKAGES}/node_modules/${package_}/package.json`, 'utf8'));
process.stdout.write(`${JSON.stringify({ version: about.version })}\n`);
for await (const token of readline.createInterface({ input: process.stdin })) {
  const answer = await believes(token).catch((error) => ({ refused: String(error) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
