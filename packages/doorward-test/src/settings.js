// What the emulator is to be, as a configuration file of Doorward.

import { toml } from './toml.js';

const EVERYONE = { name: 'Everyone who signs in', decision: 'allow', include: [{ everyone: {} }] };

const PEOPLE = [
  { email: 'alice@example.com', name: 'Alice Ng', groups: ['admins', 'staff'] },
  { email: 'bob@example.com', name: 'Bob Osei', groups: ['staff'] },
];

/** An emulator on free ports of this machine. */
export function configuration(settings) {
  const { apps = [{ host: 'app.localhost' }], people = PEOPLE, team = 'test', seed, proxy = false, more = {} } = settings;
  const tables = {
    route: apps.map(({ host, origin = 'demo' }) => ({ hostname: host, service: origin })),
    app: apps.map(({ host, policies = [EVERYONE], settings }) => ({ name: host, domain: host, policies, ...settings })),
    user: people,
  };
  for (const [name, rows] of Object.entries(more)) {
    tables[name] = Array.isArray(rows) ? [...(tables[name] ?? []), ...rows] : rows;
  }
  const listen = { public: '127.0.0.1:0', admin: '127.0.0.1:0', ...(proxy && { proxy: '127.0.0.1:0' }) };
  const rows = Object.entries(tables).filter(([, rows]) => !Array.isArray(rows) || rows.length > 0);
  return toml({
    mode: 'emulator',
    listen,
    team: { name: team },
    ...(seed !== undefined && { emulator: { seed } }),
    ...Object.fromEntries(rows),
  });
}
