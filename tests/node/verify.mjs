// Verifies a token with the npm package jose, as Cloudflare's documentation
// shows it: verify.mjs TOKEN CERTS_URL ISSUER AUDIENCE. Prints header and claims.

import { load } from './packages.mjs';

const { createRemoteJWKSet, jwtVerify } = await load('jose');

const [token, certs, issuer, audience] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(certs));
const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience });
process.stdout.write(JSON.stringify({ header: protectedHeader, claims: payload }));
