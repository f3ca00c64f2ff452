// An OpenID provider that is not ours (the npm package oidc-provider), on a
// free port. Prints {"issuer", "client_id", "client_secret"} when it accepts.
//
// Its own development pages ask for a login and any password, then for consent.
// The login is the e-mail address; `unverified@…` is an address it does not vouch for.

import http from 'node:http';
import { load } from './packages.mjs';

const { default: Provider } = await load('oidc-provider');

const client = {
  client_id: 'doorward',
  client_secret: 'a-secret-that-only-this-test-has-0123456789',
  redirect_uris: ['http://acme.localhost/cdn-cgi/access/callback'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  id_token_signed_response_alg: process.env.ID_TOKEN_ALG ?? 'RS256',
};

const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [client],
    scopes: ['openid', 'email', 'profile', 'groups'],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      groups: ['groups'],
    },
    pkce: { required: () => true },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: id,
        email_verified: !id.startsWith('unverified@'),
        name: 'Somebody',
        groups: ['staff'],
      }),
    }),
    cookies: { keys: ['of-no-importance'] },
  });
  // The gateway listens on a free port, which nobody knows beforehand.
  provider.Client.prototype.redirectUriAllowed = (uri) =>
    /^http:\/\/acme\.localhost(:\d+)?\/cdn-cgi\/access\/callback$/.test(uri);
  server.on('request', provider.callback());
  const { client_id, client_secret } = client;
  process.stdout.write(`${JSON.stringify({ issuer, client_id, client_secret })}\n`);
});
