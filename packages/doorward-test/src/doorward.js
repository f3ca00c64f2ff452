// The emulator as tests see it.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { DoorwardError } from './error.js';
import { send } from './http.js';

const run = promisify(execFile);

/** A signed token, and the forms in which clients carry it. */
export class Token {
  constructor(answer) {
    this.token = answer.token;
    this.cookie = answer.cookie;
    this.storageState = answer.storage_state;
    this.expiresAt = new Date(answer.expires_at);
  }

  /** What an origin receives: for an application that is called without the gateway. */
  get headers() {
    return { 'Cf-Access-Jwt-Assertion': this.token };
  }

  toString() {
    return this.token;
  }

  toJSON() {
    return this.token;
  }
}

/** Somebody whom the emulator knows. */
export class User {
  #doorward;

  constructor(email, doorward) {
    this.email = email;
    this.#doorward = doorward;
  }

  token(options = {}) {
    return this.#doorward.token({ ...options, email: this.email });
  }

  async headers(app) {
    return (await this.token({ app })).headers;
  }

  async cookie(app) {
    return (await this.token({ app })).cookie;
  }

  async storageState(app) {
    return (await this.token({ app })).storageState;
  }

  revoke() {
    return this.#doorward.revoke({ email: this.email });
  }
}

/** The emulator's time. TLS and the machine's own clock stay as they are. */
class Clock {
  #control;

  constructor(control) {
    this.#control = control;
  }

  async now() {
    return new Date((await this.#control('GET', 'clock')).now);
  }

  advance(by) {
    return this.#change({ advance: by });
  }

  set(moment) {
    return this.#change({ set: new Date(moment).toISOString() });
  }

  freeze() {
    return this.#change({ freeze: true });
  }

  thaw() {
    return this.#change({ freeze: false });
  }

  async #change(change) {
    return new Date((await this.#control('PUT', 'clock', change)).now);
  }
}

export class Doorward {
  #process;
  #faults = [];

  constructor(ready, process) {
    this.ready = ready;
    this.#process = process;
    this.clock = new Clock((...call) => this.control(...call));
  }

  // Where things are

  get teamUrl() {
    return this.ready.team.url;
  }

  get certsUrl() {
    return `${this.ready.public}/cdn-cgi/access/certs`;
  }

  get adminUrl() {
    return this.ready.admin;
  }

  get apiToken() {
    return this.ready.api_token;
  }

  get accountId() {
    return this.ready.account_id;
  }

  get apps() {
    return this.ready.apps;
  }

  app(name) {
    const found = this.apps.filter((app) => name === undefined || app.hostname === name || app.name === name);
    if (found.length === 1) return found[0];
    const known = this.apps.map((app) => app.hostname).join(', ') || 'none';
    throw new DoorwardError(name === undefined ? `say which application: there are ${known}` : `no ${name} among ${known}`);
  }

  aud(app) {
    return this.app(app).aud;
  }

  url(app) {
    return this.app(app).url.replace(/\/$/, '');
  }

  fetch(url, options) {
    return send(url, options);
  }

  // Who is there

  async user(email, { name, groups = [], claims = {} } = {}) {
    await this.control('PUT', `users/${encodeURIComponent(email)}`, { email, name, groups, claims });
    return new User(email, this);
  }

  async token({ email, app, kind, serviceToken, ttl, claims, audShape, issuer, defect }) {
    const order = { email, kind, ttl, claims, issuer, defect, service_token: serviceToken, aud_shape: audShape };
    if (kind !== 'org') order.app = this.app(app).hostname;
    return new Token(await this.control('POST', 'tokens', order));
  }

  async revoke({ email, app }) {
    await this.control('POST', 'revocations', { email, app });
  }

  // What happens to them

  async rotateKeys({ dropPrevious = false } = {}) {
    await this.control('POST', 'keys/rotate', { drop_previous: dropPrevious });
  }

  async withFault(fault, block) {
    const one = typeof fault === 'string' ? { fault } : fault;
    await this.#putFaults([...this.#faults, one]);
    try {
      return await block();
    } finally {
      await this.#putFaults(this.#faults.filter((other) => other !== one));
    }
  }

  async #putFaults(faults) {
    await this.control('PUT', 'faults', faults);
    this.#faults = faults;
  }

  async requests(app) {
    const query = app === undefined ? '' : `?app=${encodeURIComponent(this.app(app).hostname)}`;
    return (await this.control('GET', `requests${query}`)).requests;
  }

  async counters() {
    return (await this.control('GET', 'requests')).counters;
  }

  async reset() {
    await this.control('POST', 'reset', {});
    this.#faults = [];
  }

  async snapshot() {
    return (await this.control('GET', 'snapshot')).id;
  }

  async restore(id) {
    await this.control('POST', 'snapshot', { id });
  }

  // Beside it

  control(method, path, body) {
    return this.#call(method, `/emulator/v1/${path}`, body);
  }

  async api(method, path, body) {
    return (await this.#call(method, `/client/v4/accounts/${this.accountId}/${path}`, body)).result;
  }

  async #call(method, path, body) {
    const headers = { authorization: `Bearer ${this.apiToken}`, 'content-type': 'application/json' };
    const json = body === undefined ? undefined : JSON.stringify(body);
    const answer = await send(`${this.adminUrl}${path}`, { method, headers, body: json });
    const text = await answer.text();
    if (!answer.ok) throw new DoorwardError(`${method} ${path}: ${answer.status} ${reason(text)}`);
    return text ? JSON.parse(text) : undefined;
  }

  async environment() {
    if (!this.ready.proxy) {
      throw new DoorwardError('there is no proxy to lead clients to: start it with the setting proxy: true');
    }
    const { binary, environment } = this.#own();
    const { stdout } = await run(binary, ['env', '--shell', 'dotenv', '--admin', this.adminUrl], { env: environment });
    const lines = stdout.split('\n').filter((line) => line.includes('='));
    return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  }

  log(start = 0) {
    return this.#own().log(start);
  }

  get logLength() {
    return this.#own().logLength;
  }

  #own() {
    if (this.#process) return this.#process;
    throw new DoorwardError('this emulator was started elsewhere: ask there');
  }

  async stop() {
    await this.#process?.stop();
  }
}

// Node 18 has no such symbol yet.
if (Symbol.asyncDispose) {
  Doorward.prototype[Symbol.asyncDispose] = Doorward.prototype.stop;
}

function reason(text) {
  try {
    const { error, hint, errors = [] } = JSON.parse(text);
    return [error, hint, ...errors.map(({ message }) => message)].filter(Boolean).join('; ') || text;
  } catch {
    return text;
  }
}
