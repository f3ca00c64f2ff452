// An application that checks its token with the npm package jose, and forgets
// something if it is told to: origin.mjs FORGETS CERTS_URL ISSUER AUDIENCE,
// where FORGETS is nothing, aud, or everything. Prints its address when it accepts.

import http from 'node:http';

import { load } from './packages.mjs';

const { createRemoteJWKSet, decodeJwt, jwtVerify } = await load('jose');

const [forgets, certs, issuer, audience] = process.argv.slice(2);
// Names below localhost are this machine (RFC 6761), which not every resolver knows.
const lookup = (_host, options, done) =>
  options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
const keys = createRemoteJWKSet(new URL(certs), { agent: new http.Agent({ lookup }) });

async function caller(token) {
  if (forgets === 'everything') return decodeJwt(token);
  const wanted = forgets === 'aud' ? { issuer } : { issuer, audience };
  return (await jwtVerify(token, keys, { ...wanted, algorithms: ['RS256'] })).payload;
}

const server = http.createServer(async (request, response) => {
  try {
    const { email } = await caller(request.headers['cf-access-jwt-assertion'] ?? '');
    response.end(`hello ${email}`);
  } catch {
    response.writeHead(403).end('no');
  }
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}\n`));
