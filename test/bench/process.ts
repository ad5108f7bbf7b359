/** Processes of the benchmark, started from a TypeScript file or the built service. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export interface ServerProcess extends Measured, AsyncDisposable {
  readonly address: string;
  /** Milliseconds from the start to readiness. */
  readonly readyMilliseconds: number;
}

export interface ServerOptions {
  /** A file for Node.js and its arguments. */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** The first process of its database. */
  readonly databasePid?: number | undefined;
  /** A path with status 200 when the server is ready; without it the server is ready when it prints its address. */
  readonly readyPath?: string;
}

const launcher = fileURLToPath(new URL('../../bin/gatehouse.js', import.meta.url));

export function gatehouseCommand(...args: string[]): readonly string[] {
  return [launcher, ...args];
}

export function benchFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** An interrupted run leaves no server processes. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a server that writes its address, as JSON or in a sentence, to standard output. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { command, environment = {}, directory } = options;
  const startedAt = performance.now();
  const child = spawn(process.execPath, command, {
    env: { PATH: process.env.PATH ?? '', ...profileEnvironment(), ...environment },
    ...(directory === undefined ? {} : { cwd: directory }),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const address = await addressOf(child);
  if (options.readyPath) await untilReady(new URL(options.readyPath, address));
  const readyMilliseconds = performance.now() - startedAt;
  return {
    pid: child.pid ?? 0,
    databasePid: options.databasePid,
    address,
    readyMilliseconds,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** With `PROFILE=<directory>` every server writes a CPU profile when it ends. */
function profileEnvironment(): Record<string, string> {
  const directory = process.env.PROFILE;
  return directory ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${directory}` } : {};
}

function addressOf({ stdout }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      const found = /https?:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
      if (found) resolve(found);
    });
    stdout?.once('end', () => reject(new Error(`ended without an address: ${output}`)));
  });
}

async function untilReady(url: URL): Promise<void> {
  for (;;) {
    const isReady = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    await sleep(5); // requests without a pause would slow down the start
  }
}

/** Runs a file with `input` as JSON, and returns the JSON that it writes. */
export async function runJson<Result>(file: string, input: unknown): Promise<Result> {
  const child = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(input));
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return JSON.parse(output) as Result; // written by a file of the benchmark
}

/** Clock ticks per second; Linux has always had 100. */
const ticksPerSecond = 100;

/** Seconds of processor time; undefined if the system does not report them. */
export interface CpuSeconds {
  /** All threads of the server. */
  readonly process: number | undefined;
  /** The main thread of the server, which runs the event loop. */
  readonly eventLoop: number | undefined;
  /** All processes of the database. */
  readonly database: number | undefined;
}

export interface Measured {
  readonly pid: number;
  /** The first process of PostgreSQL, if it runs on this machine. */
  readonly databasePid?: number | undefined;
}

export function cpuSeconds({ pid, databasePid }: Measured): CpuSeconds {
  return {
    process: ownSeconds(procFile(pid, 'stat')),
    eventLoop: ownSeconds(procFile(pid, `task/${pid}/stat`)),
    database: databasePid === undefined ? undefined : familySeconds(databasePid),
  };
}

/** The parent of a process, as PostgreSQL's first process is of a connection's; undefined for another program. */
export function postgresParent(pid: number): number | undefined {
  if (procFile(pid, 'comm')?.trim() !== 'postgres') return undefined;
  return Number(statFields(procFile(pid, 'stat'))?.[parentField]);
}

/** The process, its present children, and its earlier children. */
function familySeconds(pid: number): number | undefined {
  const stat = statFields(procFile(pid, 'stat'));
  if (!stat) return undefined;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => procFile(Number(name), 'stat'))
    .filter((text) => Number(statFields(text)?.[parentField]) === pid)
    .map((text) => ownSeconds(text) ?? 0);
  const own = sumOf(stat.slice(userTimeField, userTimeField + 4)) / ticksPerSecond;
  return own + sumOf(children);
}

const parentField = 1;
/** User and system time, and those of the children that have ended. */
const userTimeField = 11;

function ownSeconds(stat: string | undefined): number | undefined {
  const fields = statFields(stat)?.slice(userTimeField, userTimeField + 2);
  return fields && sumOf(fields) / ticksPerSecond;
}

/** The fields after the name, see proc(5). */
function statFields(stat: string | undefined): string[] | undefined {
  return stat?.slice(stat.lastIndexOf(') ') + 2).split(' ');
}

function sumOf(values: readonly (string | number)[]): number {
  return values.reduce<number>((sum, value) => sum + Number(value), 0);
}

/** Resident memory in megabytes; undefined if the system does not report it. */
export function residentMegabytes(pid: number): number | undefined {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(procFile(pid, 'status') ?? '')?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}

function procFile(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}
