import { Doorward } from './doorward.js';
import { findBinary, Process } from './process.js';
import { configuration } from './settings.js';

/** Starts an emulator. When this is done, it serves. */
export async function startDoorward(settings = {}) {
  const process = new Process(findBinary(settings.binary), configuration(settings));
  return new Doorward(await process.ready(), process);
}

/** An emulator that was started elsewhere, by its `ready` object. Stopping it is left to whoever started it. */
export function connectDoorward(ready) {
  return new Doorward(ready, undefined);
}
