// Playwright: every page of a test is signed in as whom `accessUser` says, without a page of a sign-in.

import { User } from './doorward.js';
import { startDoorward } from './start.js';

/**
 * `test` with the fixture `doorward` and the options `accessUser` and `accessApp`; `storageState` and `baseURL` follow
 * from them. Each worker has an emulator of its own.
 */
export function withDoorward(test, settings = {}) {
  return test.extend({
    accessUser: ['alice@example.com', { option: true }],
    accessApp: [undefined, { option: true }],
    doorwardSettings: [settings, { option: true, scope: 'worker' }],
    doorwardWorker: [
      async ({ doorwardSettings }, use) => {
        const doorward = await startDoorward(doorwardSettings);
        await use(doorward);
        await doorward.stop();
      },
      { scope: 'worker', timeout: 90_000 },
    ],
    doorward: async ({ doorwardWorker }, use, testInfo) => {
      const start = doorwardWorker.logLength;
      await use(doorwardWorker);
      if (testInfo.status !== testInfo.expectedStatus) {
        await testInfo.attach('doorward log', { body: doorwardWorker.log(start), contentType: 'text/plain' });
      }
      await doorwardWorker.reset();
    },
    storageState: async ({ doorward, accessUser, accessApp }, use) => {
      await use(await signedIn(doorward, accessUser, accessApp));
    },
    baseURL: async ({ doorward, accessApp }, use) => {
      await use(doorward.url(accessApp));
    },
  });
}

async function signedIn(doorward, who, app) {
  if (who === null) return undefined;
  const user = typeof who === 'string' ? new User(who, doorward) : await doorward.user(who.email, who);
  return user.storageState(app);
}
