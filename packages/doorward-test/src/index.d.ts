/** JSON as Cloudflare's API has it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/** An application behind Access. `policies` and `settings` use the field names of Cloudflare's API. */
export interface App {
  host: string;
  /** Where it runs: `http://127.0.0.1:3000`. Without it, Doorward's demo application shows what it was told. */
  origin?: string;
  /** Without them, everybody who signs in may enter. */
  policies?: Json[];
  settings?: { [key: string]: Json };
}

/** Somebody to sign in as. */
export interface Person {
  email: string;
  name?: string;
  groups?: string[];
  claims?: { [key: string]: Json };
}

/** What the emulator is to be. */
export interface Settings {
  /** The `doorward` to run; else the variable `DOORWARD_BIN` names it, else it is found on the `PATH`. */
  binary?: string;
  /** One at `app.localhost` where nothing is said. */
  apps?: App[];
  /** alice@example.com and bob@example.com where nothing is said. */
  people?: Person[];
  /** `test` where nothing is said. */
  team?: string;
  /** Makes keys and audience tags the same in every run. */
  seed?: string;
  /** Opens the proxy that leads unmodified clients here; see `Doorward.environment`. */
  proxy?: boolean;
  /** More tables of the configuration file: `{ service_token: [{ name: 'ci', client_secret: '…' }] }`. */
  more?: { [table: string]: Json };
}

/** Where an application is, and its audience tag. */
export interface Application {
  id: string;
  name: string;
  hostname: string;
  url: string;
  aud: string;
}

/** Where everything is, as the emulator told it when it was ready. */
export interface Ready {
  public: string;
  admin: string;
  team: { name: string; domain: string; url: string };
  apps: Application[];
  account_id: string;
  api_token: string;
  ca?: string;
  proxy: string | null;
}

/** A signed-in browser, as Playwright loads it. */
export interface StorageState {
  cookies: {
    name: string;
    value: string;
    domain: string;
    path: string;
    expires: number;
    httpOnly: boolean;
    secure: boolean;
    sameSite: 'Strict' | 'Lax' | 'None';
  }[];
  origins: { origin: string; localStorage: { name: string; value: string }[] }[];
}

/** A signed token, and the forms in which clients carry it. As a text it is the token itself. */
export class Token {
  readonly token: string;
  /** The value of a `Cookie` header. */
  readonly cookie: string;
  readonly storageState: StorageState;
  /** By the emulator's clock. */
  readonly expiresAt: Date;
  /** What an origin receives: for an application that is called without the gateway. */
  get headers(): { 'Cf-Access-Jwt-Assertion': string };
  toString(): string;
  toJSON(): string;
}

export interface TokenOptions {
  /** The host or name of the application; may be left out where there is one only. */
  app?: string | undefined;
  email?: string;
  kind?: 'app' | 'service' | 'org';
  /** The token of a machine, by its name. */
  serviceToken?: string;
  /** Such as `'1h'`. */
  ttl?: string;
  /** Laid over the usual ones. */
  claims?: { [claim: string]: Json };
  audShape?: 'array' | 'string';
  issuer?: string;
  /** Wrong in one way, such as `'token-expired'` or `'token-wrong-aud'`: an application must refuse it. */
  defect?: string;
}

/** Somebody whom the emulator knows. */
export class User {
  private constructor();
  readonly email: string;
  /** A token as if they had signed in. */
  token(options?: Omit<TokenOptions, 'email'>): Promise<Token>;
  /** What an origin receives from them. */
  headers(app?: string): Promise<{ 'Cf-Access-Jwt-Assertion': string }>;
  /** The `Cookie` header of a browser in which they are signed in. */
  cookie(app?: string): Promise<string>;
  storageState(app?: string): Promise<StorageState>;
  /** Ends every session and token they have. */
  revoke(): Promise<void>;
}

/** The emulator's time. TLS and the machine's own clock stay as they are. */
export interface Clock {
  now(): Promise<Date>;
  /** By a text such as `'25h'` or `'1h30m'`. */
  advance(by: string): Promise<Date>;
  set(moment: Date | string | number): Promise<Date>;
  /** Lets it stand until `thaw` or a reset. */
  freeze(): Promise<Date>;
  thaw(): Promise<Date>;
}

/** Something that breaks on purpose. */
export interface Fault {
  fault: string;
  app?: string;
  path?: string;
  /** A part from 0 to 1. */
  share?: number;
  once?: boolean;
  delay?: string;
  status?: number;
}

/** A decision at the gateway. */
export interface Decision {
  ray_id: string;
  at: string;
  client_ip: string;
  method: string;
  host: string;
  path: string;
  app: string | null;
  verdict: 'allow' | 'service_auth' | 'bypass' | 'login' | 'deny' | 'unmatched';
  policy: string | null;
  rule: string | null;
  caller: { kind: 'nobody' | 'user' | 'service_token' | 'unproven'; name: string | null };
}

/** A running emulator. */
export class Doorward {
  private constructor();
  readonly ready: Ready;
  readonly clock: Clock;
  /** The issuer of its tokens: what applications are configured with as their team domain. */
  get teamUrl(): string;
  /** Where validators fetch the public keys. It names an address, as not every resolver knows `.localhost`. */
  get certsUrl(): string;
  /** Cloudflare's API is below it at `/client/v4`, the control API at `/emulator/v1`. */
  get adminUrl(): string;
  get apiToken(): string;
  get accountId(): string;
  get apps(): Application[];
  /** The application of this host or name; without one, the only one there is. */
  app(name?: string): Application;
  /** The audience tag of an application. */
  aud(app?: string): string;
  /** Where an application is reached through the gateway, without a slash at the end. */
  url(app?: string): string;
  /** A request through the gateway, whether or not the resolver knows `.localhost`. Redirects are not followed. */
  fetch(
    url: string | URL,
    options?: { method?: string; headers?: Record<string, string> | Headers; body?: string | Uint8Array },
  ): Promise<Response>;
  /** Makes somebody, or makes them another one: their next token says what is said here. */
  user(email: string, person?: Omit<Person, 'email'>): Promise<User>;
  /** A token without a browser. */
  token(options: TokenOptions): Promise<Token>;
  /** Ends whatever somebody holds, or everybody at one application. */
  revoke(whose: { email: string } | { app: string }): Promise<void>;
  /** Signs with another key from now on; with `dropPrevious`, no older token verifies any more. */
  rotateKeys(options?: { dropPrevious?: boolean }): Promise<void>;
  /** Breaks something for as long as the block takes: `withFault('jwks-500', async () => …)`. */
  withFault<T>(fault: string | Fault, block: () => Promise<T> | T): Promise<T>;
  /** Every decision at the gateway since it started or was reset, the oldest first. */
  requests(app?: string): Promise<Decision[]>;
  counters(): Promise<{ decisions: number; certs_fetches: number; identity_calls: number }>;
  /** Back to the start: people, sign-ins, revocations, the clock, faults and the recorder. Keys stay. */
  reset(): Promise<void>;
  /** Keeps the state, and names it for `restore`. */
  snapshot(): Promise<string>;
  restore(snapshot: string): Promise<void>;
  /** Any call of the control API: `control('GET', 'faults')`. */
  control(method: string, path: string, body?: unknown): Promise<any>;
  /** Cloudflare's API of the account: `api('GET', 'access/apps')`; its `result`. */
  api(method: string, path: string, body?: unknown): Promise<any>;
  /** The variables that lead clients here which know Access by its real names alone. Needs the setting `proxy`. */
  environment(): Promise<Record<string, string>>;
  /** What it wrote to its log, from this byte on. */
  log(start?: number): string;
  get logLength(): number;
  /** Ends it; when this is done, it is gone. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What failed and, where it is known, the mend. */
export class DoorwardError extends Error {}

/** Starts an emulator. When this is done, it serves. */
export function startDoorward(settings?: Settings): Promise<Doorward>;

/** An emulator that was started elsewhere, by its `ready` object. Stopping it is left to whoever started it. */
export function connectDoorward(ready: Ready): Doorward;
