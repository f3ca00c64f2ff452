import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as nextLook } from 'node:timers/promises';

import { connectDoorward, Doorward, DoorwardError, startDoorward } from '@doorward/test';
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify } from 'jose';

const ALICE = 'alice@example.com';
const APP = 'app.localhost';

/** @type {Doorward} */
let doorward;

before(async () => {
  const staff = { name: 'Staff', decision: 'allow', include: [{ email_domain: { domain: 'example.com' } }] };
  const robots = { name: 'CI', decision: 'non_identity', include: [{ any_valid_service_token: {} }] };
  doorward = await startDoorward({
    apps: [{ host: APP, policies: [staff] }, { host: 'api.localhost', policies: [robots] }],
    more: { service_token: [{ name: 'ci', client_secret: 'not-a-secret-not-a-secret-not-a-secret' }] },
    proxy: true,
  });
});
afterEach(() => doorward.reset());
after(() => doorward.stop());

const keys = () => createRemoteJWKSet(new URL(doorward.certsUrl));
const verify = async (token, app = APP) =>
  (await jwtVerify(String(token), keys(), { issuer: doorward.teamUrl, audience: doorward.aud(app) })).payload;
const visit = async (token) =>
  (await doorward.fetch(doorward.url(APP), { headers: token ? { cookie: token.cookie } : {} })).status;
const alices = () => doorward.token({ email: ALICE, app: APP });

test('a token is what an application verifies, and what opens the gateway', async () => {
  const token = await alices();
  assert.equal((await verify(token)).email, ALICE);
  assert.equal(await visit(token), 200);
  assert.equal(await visit(), 302);
  assert.equal(await visit(await doorward.token({ email: 'mallory@evil.test', app: APP })), 403);
});

test('a page comes through the gateway with the name of its host', async () => {
  const page = await doorward.fetch(`${doorward.url(APP)}/?query`, { headers: { cookie: (await alices()).cookie } });
  assert.match(await page.text(), new RegExp(ALICE));
  assert.equal(page.headers.get('x-emulated-access'), '1');
});

test('somebody is who they are made to be', async () => {
  const dora = await doorward.user('dora@example.com', { name: 'Dora', groups: ['staff'] });
  assert.equal(decodeJwt((await dora.token({ app: APP })).token).email, 'dora@example.com');
  assert.deepEqual((await doorward.control('GET', 'users/dora@example.com')).groups, ['staff']);
});

test('a machine has a token too', async () => {
  const { sub, aud } = await verify(await doorward.token({ app: 'api.localhost', serviceToken: 'ci' }), 'api.localhost');
  assert.deepEqual([sub, aud], ['', doorward.aud('api.localhost')]);
});

test('claims, lifetime and audience are as wanted', async () => {
  const wanted = { email: ALICE, app: APP, ttl: '1h', claims: { custom: { team: 'blue' } }, audShape: 'string' };
  const token = await doorward.token(wanted);
  const { exp, iat, custom, aud } = await verify(token);
  assert.deepEqual([exp - iat, custom, aud], [3600, { team: 'blue' }, doorward.aud(APP)]);
  assert.equal(token.expiresAt.getTime(), exp * 1000);
});

test('a token with a defect is refused', async () => {
  for (const defect of ['token-expired', 'token-wrong-aud', 'token-tampered', 'token-alg-none']) {
    await assert.rejects(verify(await doorward.token({ email: ALICE, app: APP, defect })), errors.JOSEError, defect);
  }
});

test('time ends a token, and a reset brings the machine\'s time back', async () => {
  const token = await alices();
  await doorward.clock.advance('25h');
  assert.equal(await visit(token), 302);
  await doorward.reset();
  assert.ok(Math.abs((await doorward.clock.now()) - Date.now()) < 60_000);
});

test('the clock stands where it is set', async () => {
  const summer = new Date('2030-06-01T10:00:00Z');
  await doorward.clock.set(summer);
  const stands = await doorward.clock.freeze();
  assert.deepEqual(await doorward.clock.now(), stands);
  assert.ok(stands - summer < 60_000 && stands >= summer);
  await doorward.clock.thaw();
});

test('a storage state is a browser that is signed in', async () => {
  const { cookies } = (await alices()).storageState;
  assert.deepEqual(cookies.map(({ name, domain }) => [name, domain]), [['CF_Authorization', APP]]);
  assert.equal((await verify(cookies[0].value)).email, ALICE);
});

test('a rotation leaves older tokens valid unless their key is dropped', async () => {
  const token = await alices();
  await doorward.rotateKeys();
  await verify(token);
  await doorward.rotateKeys({ dropPrevious: true });
  await assert.rejects(verify(token), errors.JWKSNoMatchingKey);
});

test('a revocation ends a token at once, and a snapshot brings it back', async () => {
  const token = await alices();
  const taken = await doorward.snapshot();
  await doorward.revoke({ email: ALICE });
  assert.equal(await visit(token), 302);
  await doorward.restore(taken);
  assert.equal(await visit(token), 200);
});

test('a fault lasts as long as its block', async () => {
  const status = async () => (await doorward.fetch(doorward.certsUrl)).status;
  assert.equal(await doorward.withFault('jwks-500', status), 500);
  await assert.rejects(doorward.withFault({ fault: 'jwks-500' }, () => Promise.reject(new Error('mine'))), /mine/);
  assert.equal(await status(), 200);
});

test('what the gateway decided can be asked', async () => {
  await visit(await alices());
  await visit();
  const decided = (await doorward.requests(APP)).map(({ verdict, caller }) => [verdict, caller.name]);
  assert.deepEqual(decided, [['allow', ALICE], ['login', null]]);
  assert.equal((await doorward.counters()).decisions, 2);
});

test('Cloudflare\'s API answers too', async () => {
  const apps = await doorward.api('GET', 'access/apps');
  assert.deepEqual(apps.map(({ domain }) => domain).sort(), ['api.localhost', APP]);
});

test('unmodified clients are led here by variables', async () => {
  const { HTTPS_PROXY, SSL_CERT_FILE } = await doorward.environment();
  assert.equal(HTTPS_PROXY, doorward.ready.proxy);
  assert.match(readFileSync(SSL_CERT_FILE, 'utf8'), /BEGIN CERTIFICATE/);
});

test('another process can use it by its ready object', async () => {
  const other = connectDoorward(JSON.parse(JSON.stringify(doorward.ready)));
  assert.equal((await other.token({ email: ALICE, app: APP })).token.split('.').length, 3);
  await other.stop();
  assert.equal((await doorward.fetch(doorward.certsUrl)).status, 200, 'only who started it ends it');
  assert.throws(() => other.log(), /started elsewhere/);
});

test('mistakes are told with their mend', async () => {
  assert.throws(() => doorward.aud('wiki.localhost'), /no wiki.localhost among api.localhost, app.localhost/);
  assert.throws(() => doorward.aud(), /say which application/);
  await assert.rejects(doorward.withFault('nonsense', () => {}), /there is no fault/);
  await assert.rejects(startDoorward({ binary: '/nonexistent' }), { name: 'DoorwardError', message: /no program/ });
  await assert.rejects(startDoorward({ more: { limits: Symbol('x') } }), /no form in a configuration file/);
  const typo = startDoorward({ apps: [{ host: APP, settings: { sesion_duration: '1h' } }] });
  await assert.rejects(typo, (error) => error instanceof DoorwardError && /ended with 2[^]*sesion_duration/.test(error.message));
});

test('the binary is found on the PATH, and a seed makes tags and keys the same', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'doorward-path-'));
  const { PATH, DOORWARD_BIN } = process.env;
  symlinkSync(path.resolve(DOORWARD_BIN), path.join(folder, 'doorward'));
  try {
    delete process.env.DOORWARD_BIN;
    process.env.PATH = '/nonexistent';
    await assert.rejects(startDoorward(), /there is no doorward on the PATH: install it/);
    process.env.PATH = `${folder}:${PATH}`;
    const kids = [];
    for (const _ of [1, 2]) {
      const own = await startDoorward({ seed: 'the project', team: 'other' });
      kids.push([own.aud(), (await (await own.fetch(own.certsUrl)).json()).keys[0].kid]);
      await own.stop();
      await assert.rejects(own.fetch(own.certsUrl), /ECONNREFUSED/);
    }
    assert.deepEqual(kids[0], kids[1]);
  } finally {
    Object.assign(process.env, { PATH, DOORWARD_BIN });
    rmSync(folder, { recursive: true });
  }
});

const held = (port) => {
  const hex = Number(port).toString(16).toUpperCase().padStart(4, '0');
  const listening = readFileSync('/proc/net/tcp', 'utf8').split('\n').map((line) => line.trim().split(/\s+/));
  return listening.some((columns) => columns[1]?.endsWith(`:${hex}`) && columns[3] === '0A');
};

test('a program that forgets to stop it ends, and takes it along', async () => {
  const script = `
    import { startDoorward } from '@doorward/test';
    console.log((await startDoorward()).adminUrl);
  `;
  const arguments_ = ['--input-type=module', '--eval', script];
  const { stdout, status } = spawnSync(process.execPath, arguments_, { cwd: import.meta.dirname ?? '.', encoding: 'utf8', timeout: 60_000 });
  assert.equal(status, 0);
  const { port } = new URL(stdout.trim());
  // A program that ends asks it to end too, and cannot wait until it has.
  const late = Date.now() + 20_000;
  while (held(port) && Date.now() < late) await nextLook(20);
  assert.equal(held(port), false);
});
