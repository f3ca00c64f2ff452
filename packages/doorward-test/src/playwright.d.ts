import type {
  PlaywrightTestArgs,
  PlaywrightTestOptions,
  PlaywrightWorkerArgs,
  PlaywrightWorkerOptions,
  TestType,
} from '@playwright/test';

import type { Doorward, Person, Settings } from './index.js';

export interface DoorwardOptions {
  /** Who is signed in: an address, a person to be made, or `null` for nobody. alice@example.com where nothing is said. */
  accessUser: string | Person | null;
  /** The host of the application, where there are several. */
  accessApp: string | undefined;
}

export interface DoorwardFixtures extends DoorwardOptions {
  /** The worker's emulator, which is set back to its start after each test. */
  doorward: Doorward;
}

export interface DoorwardWorkerFixtures {
  /** What the emulator is to be; in a configuration's `use`, or in `test.use`. */
  doorwardSettings: Settings;
  /** The same emulator, for fixtures of a worker. */
  doorwardWorker: Doorward;
}

/** `test` with the fixtures above; `storageState` and `baseURL` follow from them. */
export function withDoorward<
  Fixtures extends PlaywrightTestArgs & PlaywrightTestOptions,
  Workers extends PlaywrightWorkerArgs & PlaywrightWorkerOptions,
>(
  test: TestType<Fixtures, Workers>,
  settings?: Settings,
): TestType<Fixtures & DoorwardFixtures, Workers & DoorwardWorkerFixtures>;
