import { connectDoorward } from '@doorward/test';
import { withDoorward } from '@doorward/test/vitest';
import { test as base, describe, expect, inject } from 'vitest';

const test = withDoorward(base, { team: 'own', apps: [{ host: 'notes.localhost' }] });

describe('an emulator of its own', () => {
  let first;

  test('is there with somebody to be', async ({ doorward, doorwardUser }) => {
    first = doorward.adminUrl;
    const page = await doorward.fetch(doorward.url(), { headers: { cookie: await doorwardUser.cookie() } });
    expect([page.status, doorward.ready.team.name]).toEqual([200, 'own']);
    await doorward.clock.advance('25h');
    await doorward.user('dora@example.com');
  });

  test('is the same in the next test, set back to its start', async ({ doorward }) => {
    expect(doorward.adminUrl).toBe(first);
    expect(Math.abs((await doorward.clock.now()) - Date.now())).toBeLessThan(60_000);
    expect((await doorward.control('GET', 'users')).map(({ email }) => email)).not.toContain('dora@example.com');
  });
});

base('one that the whole run shares is found by what was provided', async () => {
  const shared = connectDoorward(inject('doorward'));
  expect(shared.ready.team.name).toBe('shared');
  expect((await shared.token({ email: 'alice@example.com' })).token.split('.')).toHaveLength(3);
});
