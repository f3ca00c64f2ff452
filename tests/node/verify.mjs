// Verifies a token with the npm package jose, as Cloudflare's documentation
// shows it: verify.mjs TOKEN CERTS_URL ISSUER AUDIENCE. Prints header and claims.

import http from 'node:http';

import { load } from './packages.mjs';

const { createRemoteJWKSet, jwtVerify } = await load('jose');

const [token, certs, issuer, audience] = process.argv.slice(2);
// Names below localhost are this machine (RFC 6761), which not every resolver knows.
const lookup = (_host, options, done) =>
  options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
const keys = createRemoteJWKSet(new URL(certs), { agent: new http.Agent({ lookup }) });
const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience });
process.stdout.write(JSON.stringify({ header: protectedHeader, claims: payload }));
