// Vitest: fixtures, and a global setup for suites that share one emulator.

import { User } from './doorward.js';
import { startDoorward } from './start.js';

/** `test` with the fixtures `doorward` and `doorwardUser`. Each worker has an emulator, started when a test asks for it. */
export function withDoorward(test, settings = {}) {
  return test.extend({
    doorwardWorker: [
      // Vitest reads from the pattern of the first parameter what a fixture needs.
      async ({}, use) => {
        const doorward = await startDoorward(settings);
        await use(doorward);
        await doorward.stop();
      },
      { scope: 'worker' },
    ],
    doorward: async ({ doorwardWorker, onTestFailed }, use) => {
      const start = doorwardWorker.logLength;
      onTestFailed(() => console.error(`doorward log:\n${doorwardWorker.log(start)}`));
      await use(doorwardWorker);
      await doorwardWorker.reset();
    },
    doorwardUser: async ({ doorward }, use) => {
      await use(new User('alice@example.com', doorward));
    },
  });
}

/** A global setup: one emulator for the run, whose `ready` object tests find with `inject('doorward')`. */
export function globalSetup(settings = {}) {
  return async (project) => {
    const doorward = await startDoorward(settings);
    project.provide('doorward', doorward.ready);
    return () => doorward.stop();
  };
}
