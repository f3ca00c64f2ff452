// Drives the management API with Cloudflare's own SDK for TypeScript:
// access_sdk.mjs BASE_URL ACCOUNT TOKEN HOST. Prints, as JSON, what was left
// behind: an application at HOST that one service token may enter, and what is
// needed to take it away again.

import assert from 'node:assert/strict';

import { load } from './packages.mjs';

const { default: Cloudflare } = await load('cloudflare');

const [baseURL, account_id, apiToken, host] = process.argv.slice(2);
const client = new Cloudflare({ baseURL, apiToken, maxRetries: 0 });
const { access, identityProviders, organizations } = client.zeroTrust;
const there = { account_id };

const refused = async (kind, call) => {
  const error = await call().then(
    () => assert.fail('it was not refused'),
    (error) => error,
  );
  assert(error instanceof kind, `${error}`);
  assert(error.errors[0].code && error.errors[0].message, `${error}`);
  return error;
};

/** It is found by its id, in the list page by page, and by what the list can be asked for. */
const everywhere = async (resource, one, filters) => {
  assert.deepEqual(await resource.get(one.id, there), one);
  const seen = [];
  for await (const item of resource.list({ ...there, per_page: 1 })) seen.push(item.id);
  assert(seen.includes(one.id) && new Set(seen).size === seen.length, `${seen}`);
  if (filters) {
    const page = await resource.list({ ...there, ...filters });
    assert.deepEqual(page.result.map(({ id }) => id), [one.id]);
  }
};

assert.equal((await client.user.tokens.verify()).status, 'active');
assert.equal((await client.accounts.tokens.verify(there)).status, 'active');
await refused(Cloudflare.AuthenticationError, () =>
  new Cloudflare({ baseURL, apiToken: 'x'.repeat(40), maxRetries: 0 }).zeroTrust.access.groups.list(there),
);

const endpoints = Object.fromEntries(['auth', 'token', 'certs'].map((name) => [`${name}_url`, `https://kc.example.com/${name}`]));
const config = { client_id: 'door', client_secret: 'hunter2', claims: ['groups'], ...endpoints };
const idp = await identityProviders.create({ ...there, name: 'TS provider', type: 'oidc', config });
assert(idp.config.redirect_url && !('client_secret' in idp.config));
await everywhere(identityProviders, idp);
const asShown = { ...idp.config, claims: ['groups', 'team'] };
const changed = await identityProviders.update(idp.id, { ...there, name: 'TS provider', type: 'oidc', config: asShown });
assert.deepEqual(changed.config.claims, ['groups', 'team'], 'what was shown can be sent back, without the secret');

const asked = { ...there, name: 'TS provider', type: 'oidc', config: asShown };
const told = await identityProviders.update(idp.id, { ...asked, scim_config: { enabled: true } });
assert(told.scim_config.secret && told.scim_config.scim_base_url.endsWith('/scim/v2'));
const later = await identityProviders.update(idp.id, { ...asked, scim_config: told.scim_config });
assert(!('secret' in later.scim_config) && later.scim_config.enabled, 'told once');

const rules = [
  { email: { email: 'a@example.com' } },
  { login_method: { id: idp.id } },
  { oidc: { claim_name: 'team', claim_value: 'ops', identity_provider_id: idp.id } },
  { geo: { country_code: 'DE' } },
  { ip: { ip: '10.0.0.0/8' } },
];
let group = await access.groups.create({ ...there, name: 'TS group', include: rules, require: [{ everyone: {} }] });
assert.deepEqual(group.include, rules);
await everywhere(access.groups, group, { name: 'TS group' });
group = await access.groups.update(group.id, { ...there, name: 'TS group', include: [{ everyone: {} }] });
assert.deepEqual(group.require, []);
const missing = await refused(Cloudflare.BadRequestError, () =>
  access.groups.create({ ...there, name: 'x', include: [{ group: { id: idp.id } }] }),
);
assert.equal(missing.errors[0].code, 11020);

const robot = await access.serviceTokens.create({ ...there, name: 'TS robot', duration: '8760h' });
const { client_secret, client_secret_version, ...shown } = robot;
assert(client_secret && client_secret_version === 1);
await everywhere(access.serviceTokens, shown, { name: 'TS robot' });
const rotated = await access.serviceTokens.rotate(robot.id, there);
assert(rotated.client_secret !== client_secret && rotated.client_id === robot.client_id);
assert((await access.serviceTokens.refresh(robot.id, there)).expires_at);

const include = [{ service_token: { token_id: robot.id } }];
const policy = await access.policies.create({ ...there, name: 'TS policy', decision: 'non_identity', include });
assert(policy.reusable && policy.session_duration === '24h');
await everywhere(access.policies, policy);

assert.equal((await access.tags.create({ ...there, name: 'ts' })).name, 'ts');
assert.equal((await access.tags.get('ts', there)).name, 'ts');

const own = { name: 'Nobody', decision: 'deny', include: [{ group: { id: group.id } }], precedence: 7 };
let app = await access.applications.create({
  ...there,
  type: 'self_hosted',
  name: 'TS app',
  domain: host,
  allowed_idps: [idp.id],
  tags: ['ts'],
  policies: [{ id: policy.id, precedence: 1 }, own],
});
assert.equal(app.destinations[0].uri, host);
assert.deepEqual(app.policies.map(({ name, precedence }) => [name, precedence]), [['TS policy', 1], ['Nobody', 7]]);
await everywhere(access.applications, app, { domain: host });
const { policies: _unsaid, ...rest } = app;
app = await access.applications.update(app.id, { ...there, ...rest, session_duration: '12h' });
assert(app.session_duration === '12h' && app.policies.length === 2, 'policies that are not written stay');
const taken = await refused(Cloudflare.ConflictError, () =>
  access.applications.create({ ...there, type: 'self_hosted', name: 'x', domain: host }),
);
assert.equal(taken.errors[0].code, 11010);

const more = { ...there, name: 'TS own', decision: 'allow', include: [{ email: { email: 'a@example.com' } }] };
const added = await access.applications.policies.create(app.id, more);
assert.equal(added.precedence, 8);
const listed = await access.applications.policies.list(app.id, there);
assert.deepEqual(listed.result.map(({ id }) => id), [policy.id, app.policies[1].id, added.id]);
const at = { ...there, app_id: app.id };
assert.equal((await access.applications.policies.update(added.id, { ...more, ...at, name: 'Else' })).name, 'Else');
assert.equal((await access.applications.policies.get(added.id, at)).name, 'Else');
assert.equal((await access.applications.policies.delete(added.id, at)).id, added.id);
assert((await access.applications.settings.edit(app.id, { ...there, allow_iframe: true })).allow_iframe);
await access.applications.revokeTokens(app.id, there);

const oidc = { auth_type: 'oidc', redirect_uris: ['https://saas.example.com/cb'], scopes: ['openid', 'email'] };
const saas = await access.applications.create({ ...there, type: 'saas', name: 'TS saas', saas_app: oidc });
const { client_secret: once, ...client_of } = saas.saas_app;
assert(once.length === 64 && client_of.client_id.length === 64 && client_of.public_key.includes('CERTIFICATE'));
const { saas_app } = await access.applications.get(saas.id, there);
assert.deepEqual(saas_app, client_of, 'the secret is told once');
const authentication = { scheme: 'oauthbearertoken', token: 'hunter2' };
const scim_config = { idp_uid: idp.id, remote_uri: 'https://scim.example.com/v2', enabled: true, authentication };
const samlApp = { sp_entity_id: 'saas', consumer_service_url: 'https://saas.example.com/acs' };
const asSaml = { ...there, type: 'saas', name: 'TS saas', saas_app: samlApp, scim_config };
const federated = await access.applications.update(saas.id, asSaml);
assert(federated.saas_app.sso_endpoint.endsWith(`/sso/saml/${saas.aud}`) && !('client_id' in federated.saas_app));
assert.deepEqual(federated.scim_config.authentication, { ...authentication, token: '********' });
await access.applications.delete(saas.id, there);

for (const [resource, id] of [
  [access.policies, policy.id],
  [access.groups, group.id],
  [access.serviceTokens, robot.id],
  [identityProviders, idp.id],
  [access.tags, 'ts'],
]) {
  await refused(Cloudflare.ConflictError, () => resource.delete(id, there));
}
await refused(Cloudflare.NotFoundError, () => access.groups.get(robot.id, there));
assert.equal(await organizations.revokeUsers({ ...there, email: 'a@example.com' }), true);
const lines = await client.auditLogs.list({ ...there, action: { type: 'rotate' } });
assert(lines.result.some(({ resource }) => resource.id === robot.id));

const left = [`policies/${policy.id}`, `groups/${group.id}`, `service_tokens/${robot.id}`, `identity_providers/${idp.id}`, 'tags/ts'];
const answer = { app: app.id, client_id: robot.client_id, client_secret: rotated.client_secret, rest: left };
process.stdout.write(JSON.stringify(answer));
