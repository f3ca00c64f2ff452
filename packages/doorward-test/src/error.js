/** What failed and, where it is known, the mend. */
export class DoorwardError extends Error {
  name = 'DoorwardError';
}
