// The emulator's process: found, started, awaited and ended.

import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { DoorwardError } from './error.js';

/** A debug build makes its signing keys in a second or two on a busy machine. */
const START_LIMIT = 60_000;
/** Requests in flight are let finish; then the process is killed. */
const STOP_LIMIT = 10_000;

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The `doorward` to run: the one that is named, else `DOORWARD_BIN`, else the one on the PATH. */
export function findBinary(named) {
  for (const [source, file] of [['the setting binary', named], ['DOORWARD_BIN', process.env.DOORWARD_BIN]]) {
    if (!file) continue;
    if (!isProgram(file)) throw new DoorwardError(`${source} names ${file}, which is no program that can be run`);
    return path.resolve(file);
  }
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter(Boolean);
  const found = folders.map((folder) => path.join(folder, 'doorward')).find(isProgram);
  if (found) return found;
  throw new DoorwardError(
    'there is no doorward on the PATH: install it, or name it with the setting binary or the variable DOORWARD_BIN',
  );
}

/** A running `doorward serve`, whose files are in a folder of its own. */
export class Process {
  #child;
  #folder;
  #log;
  #gone;
  #atExit = () => this.#child.kill();

  constructor(binary, configuration) {
    this.binary = binary;
    this.#folder = mkdtempSync(path.join(tmpdir(), 'doorward-'));
    this.#log = path.join(this.#folder, 'doorward.log');
    const file = path.join(this.#folder, 'doorward.toml');
    writeFileSync(file, configuration);
    // What it would leave in the user's own folders belongs to this run alone.
    this.environment = { RUST_LOG: 'info', ...process.env, XDG_RUNTIME_DIR: this.#folder, XDG_DATA_HOME: this.#folder };
    const log = openSync(this.#log, 'w');
    this.#child = spawn(binary, ['serve', '--config', file, '--ready-json'], {
      env: this.environment,
      stdio: ['ignore', 'pipe', log],
      // An interrupt at the terminal is the test runner's to handle, which then ends this process.
      detached: true,
    });
    closeSync(log);
    this.#gone = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(code ?? signal));
      this.#child.once('error', resolve);
    });
    process.once('exit', this.#atExit);
  }

  /** The object that it prints when all its listeners accept. */
  async ready() {
    let timer;
    try {
      return await Promise.race([
        this.#told(),
        this.#gone.then((how) => this.#fails(`doorward ended with ${how} before it was ready`)),
        new Promise((_, reject) => {
          timer = setTimeout(() => reject(new Error('late')), START_LIMIT);
        }).catch(() => this.#fails(`doorward was not ready after ${START_LIMIT / 1000} s`)),
      ]);
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** An end without a line is told by the process's end, with its code. */
  #told() {
    const output = this.#child.stdout.setEncoding('utf8');
    return new Promise((resolve) => {
      let line = '';
      output.on('data', (part) => {
        line += part;
        if (!line.includes('\n')) return;
        output.removeAllListeners('data').resume();
        // A test run that is finished is not kept alive by an emulator that nobody stopped.
        output.unref();
        this.#child.unref();
        resolve(JSON.parse(line));
      });
    });
  }

  #fails(what) {
    throw new DoorwardError(`${what}; it said\n${this.log()}`);
  }

  /** What it wrote to its log, from this byte on. */
  log(start = 0) {
    return readFileSync(this.#log).subarray(start).toString('utf8');
  }

  get logLength() {
    return statSync(this.#log).size;
  }

  /** Ends it; when this is done, it is gone. */
  async stop() {
    process.off('exit', this.#atExit);
    this.#child.ref();
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT);
    await this.#gone;
    clearTimeout(timer);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
