// An application behind Access: it believes nobody but a token that it verified itself.
//
// Run it behind an emulator of your own:
//
//     doorward dev --app notes=http://127.0.0.1:3000
//     TEAM_DOMAIN=… POLICY_AUD=… node server.js

import http from 'node:http';

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

/** `certsUrl` is for machines whose resolver does not know `.localhost`. */
export function createApp({ teamDomain, policyAud, certsUrl = `${teamDomain}/cdn-cgi/access/certs` }) {
  const keys = createRemoteJWKSet(new URL(certsUrl), { cooldownDuration: 0 });

  async function answer(request) {
    try {
      const token = request.headers['cf-access-jwt-assertion'] ?? '';
      const { payload } = await jwtVerify(token, keys, { issuer: teamDomain, audience: policyAud, algorithms: ['RS256'] });
      return [200, { email: payload.email }];
    } catch (error) {
      // A bad token is the caller's fault; keys that cannot be had are not.
      const bad = error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC' && error.code !== 'ERR_JWKS_TIMEOUT';
      return bad ? [403, { error: 'no valid Access token' }] : [503, { error: 'the keys cannot be fetched' }];
    }
  }

  return http.createServer(async (request, response) => {
    const [status, body] = await answer(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
}
