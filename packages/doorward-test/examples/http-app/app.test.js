// The code that verifies tokens runs here exactly as in production: nothing is bypassed, nothing is mocked.

import { once } from 'node:events';

import { withDoorward } from '@doorward/test/vitest';
import { test as base, expect } from 'vitest';

import { createApp } from './app.js';

const test = withDoorward(base, { apps: [{ host: 'notes.localhost' }] }).extend({
  // The application, which takes the emulator for its team.
  get: async ({ doorward }, use) => {
    const { teamUrl: teamDomain, certsUrl } = doorward;
    const app = createApp({ teamDomain, certsUrl, policyAud: doorward.aud() }).listen(0, '127.0.0.1');
    await once(app, 'listening');
    await use((headers = {}) => fetch(`http://127.0.0.1:${app.address().port}/`, { headers }));
    app.close();
  },
});

test('somebody is known by their token', async ({ get, doorwardUser }) => {
  expect(await (await get(await doorwardUser.headers())).json()).toEqual({ email: 'alice@example.com' });
});

test('nobody is refused, whatever they say they are', async ({ get }) => {
  expect((await get()).status).toBe(403);
  expect((await get({ 'cf-access-authenticated-user-email': 'alice@example.com' })).status).toBe(403);
});

const DEFECTS = ['expired', 'not-yet-valid', 'wrong-aud', 'wrong-iss', 'alg-none', 'hs256', 'tampered', 'unknown-kid'];

test('a bad token is refused', async ({ get, doorward }) => {
  for (const defect of DEFECTS) {
    const { headers } = await doorward.token({ email: 'alice@example.com', defect: `token-${defect}` });
    expect([defect, (await get(headers)).status]).toEqual([defect, 403]);
  }
});

test('a key that is new is fetched', async ({ get, doorward, doorwardUser }) => {
  await doorward.rotateKeys({ dropPrevious: true });
  expect((await get(await doorwardUser.headers())).status).toBe(200);
});

test('an outage of the keys is not a refusal', async ({ get, doorward, doorwardUser }) => {
  const headers = await doorwardUser.headers();
  expect(await doorward.withFault('jwks-500', async () => (await get(headers)).status)).toBe(503);
});
