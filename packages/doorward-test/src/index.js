// Cloudflare Access in a test: Doorward's emulator, started and stopped by the test.

export { Doorward, Token, User } from './doorward.js';
export { DoorwardError } from './error.js';
export { connectDoorward, startDoorward } from './start.js';
