// Writes TOML. What is below a key of the document is inline, so each takes one line.

const BARE = /^[A-Za-z0-9_-]+$/;

const key = (name) => (BARE.test(name) ? name : text(name));

// Every JSON string is a basic string of TOML once DEL is escaped too.
const text = (value) => JSON.stringify(value).replaceAll('\u007f', '\\u007f');

function value(given) {
  if (typeof given === 'string') return text(given);
  if (typeof given === 'boolean' || (typeof given === 'number' && Number.isFinite(given))) return String(given);
  if (Array.isArray(given)) return `[${given.map(value).join(', ')}]`;
  if (typeof given === 'object' && given !== null) return `{ ${members(given).join(', ')} }`;
  throw new TypeError(
    `${String(given)} has no form in a configuration file: use texts, numbers, booleans, arrays and plain objects`,
  );
}

const members = (object) =>
  Object.entries(object)
    .filter(([, inner]) => inner !== undefined)
    .map(([name, inner]) => `${key(name)} = ${value(inner)}`);

/** The document, a line for each of its keys. */
export const toml = (document) => members(document).map((line) => `${line}\n`).join('');
