import type { TestAPI } from 'vitest';
import type { TestProject } from 'vitest/node';

import type { Doorward, Ready, Settings, User } from './index.js';

export interface DoorwardFixtures {
  /** The worker's emulator, which is set back to its start after each test. */
  doorward: Doorward;
  /** alice@example.com. */
  doorwardUser: User;
  /** The same emulator, for fixtures of a worker; it is never set back on their account. */
  doorwardWorker: Doorward;
}

/** `test` with the fixtures above. Each worker has an emulator, started when a test asks for it. */
export function withDoorward<Context>(test: TestAPI<Context>, settings?: Settings): TestAPI<Context & DoorwardFixtures>;

/** A global setup: one emulator for the run, whose `ready` object tests find with `inject('doorward')`. */
export function globalSetup(settings?: Settings): (project: TestProject) => Promise<() => Promise<void>>;

declare module 'vitest' {
  export interface ProvidedContext {
    doorward: Ready;
  }
}
