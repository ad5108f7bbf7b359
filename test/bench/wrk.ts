/**
 * Load by wrk, which uses a tenth of the processor time of autocannon. It is a system package: it is installed if
 * that is possible without interaction, else autocannon is used.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LoadResult, LoadSpec } from './load.ts';
import { benchFile } from './process.ts';

let isThere: boolean | undefined;

/** Whether wrk is installed; as root on Debian it is installed first. */
export function hasWrk(): boolean {
  if (isThere === undefined && !canStart()) install();
  isThere ??= canStart();
  return isThere;
}

const canStart = () => spawnSync('wrk', ['--version']).error === undefined;

function install(): void {
  if (process.getuid?.() === 0) spawnSync('apt-get', ['install', '-y', 'wrk'], { stdio: 'ignore' });
}

export async function loadWithWrk(spec: LoadSpec): Promise<LoadResult> {
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-bench-load-'));
  try {
    const file = join(directory, 'spec.lua');
    writeFileSync(file, luaFile(spec), { mode: 0o600 }); // contains tokens
    const { stdout } = await promisify(execFile)('wrk', [
      ...['--threads', '1', '--connections', String(spec.connections)],
      ...['--duration', `${Math.ceil(spec.seconds)}s`, '--timeout', '30s'],
      ...['--script', benchFile('./wrk.lua')],
      ...[spec.address, file],
    ]);
    return toResult(stdout);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** One assignment for each request, because Lua limits the constants of a function. */
function luaFile({ requests, expected, refreshTokens }: LoadSpec): string {
  const spec = { requests: [], expected, ...(refreshTokens ? { tokens: refreshTokens } : {}) };
  const lines = requests.map(
    (request, index) => `(function () spec.requests[${index + 1}] = ${toLua(request)} end)()`,
  );
  return [`local spec = ${toLua(spec)}`, ...lines, 'return spec', ''].join(';\n');
}

/** A JSON value in the syntax of Lua. Strings are equal, except control characters, which Lua rejects. */
function toLua(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(toLua).join()}}`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value).map(([key, each]) => `[${toLua(key)}]=${toLua(each)}`)}}`;
  }
  return JSON.stringify(value);
}

function toResult(output: string): LoadResult {
  const figures = /^RESULT (.*)$/m.exec(output)?.[1]?.split(' ').map(Number);
  if (!figures) throw new Error(`wrk printed no result: ${output}`);
  const [answers = 0, duration = 0, p50 = 0, p99 = 0, wrong = 0, overloaded = 0] = figures;
  return {
    perSecond: (answers - overloaded - wrong) / (duration / 1e6),
    p50: p50 / 1000,
    p99: p99 / 1000,
    answers,
    overloaded,
    wrong,
    example: /^EXAMPLE (.*)$/m.exec(output)?.[1],
  };
}
