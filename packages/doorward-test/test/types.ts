// Compiled, never run: what a project writes has the types it should.

import { test as playwright } from '@playwright/test';
import { connectDoorward, startDoorward, type Ready, type StorageState } from '@doorward/test';
import { withDoorward as inPlaywright } from '@doorward/test/playwright';
import { globalSetup, withDoorward as inVitest } from '@doorward/test/vitest';
import { inject, test as vitest } from 'vitest';

export async function plain(): Promise<string> {
  await using doorward = await startDoorward({
    apps: [{ host: 'app.localhost', policies: [{ name: 'P', decision: 'allow', include: [{ everyone: {} }] }] }],
    people: [{ email: 'alice@example.com', groups: ['staff'] }],
  });
  const { token, headers } = await doorward.token({ email: 'alice@example.com', ttl: '1h' });
  const state: StorageState = await (await doorward.user('bob@example.com')).storageState();
  // @ts-expect-error There is no such kind of token.
  await doorward.token({ kind: 'nonsense' });
  // @ts-expect-error A revocation is of somebody, or of an application.
  await doorward.revoke({});
  return token + headers['Cf-Access-Jwt-Assertion'] + state.cookies.length;
}

export const setup = globalSetup({ team: 'acme' });

inVitest(vitest)('a test', async ({ doorward, doorwardUser, expect }) => {
  const ready: Ready = inject('doorward');
  expect(connectDoorward(ready).aud()).toBe(doorward.aud());
  expect(await doorwardUser.cookie()).toContain('CF_Authorization=');
});

const test = inPlaywright(playwright, { apps: [{ host: 'notes.localhost' }] });
test.use({ accessUser: { email: 'dora@example.com', groups: ['staff'] }, doorwardSettings: { team: 'acme' } });
// @ts-expect-error Somebody has an address.
test.use({ accessUser: { groups: ['staff'] } });
test('a page', async ({ page, doorward }) => {
  await page.goto('/');
  await doorward.clock.advance('25h');
});
