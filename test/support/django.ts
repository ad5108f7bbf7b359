/** A project of Django from Debian, in a directory of the test: `test/ecosystem/django` with accounts of the test. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Variables } from './command.ts';
import { canImport, python } from './debian.ts';
import { freePort } from './free-port.ts';
import { acceptsConnections } from './nginx.ts';
import { makeScratchDirectory } from './scratch.ts';
import type { ShellResult } from './shell.ts';
import { until } from './until.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const limitMilliseconds = 60_000;

const modules = [
  ['django', 'python3-django'],
  ['rest_framework', 'python3-djangorestframework'],
  ['rest_framework_simplejwt', 'python3-djangorestframework-simplejwt'],
  ['argon2', 'python3-argon2'],
  ['bcrypt', 'python3-bcrypt'],
] as const;

/** Whether Django is there or could be installed. Otherwise the reason is printed. */
export function hasDjango(): boolean {
  const missing = modules.filter(
    ([module, name]) => process.platform !== 'linux' || !canImport(module, name),
  );
  const packages = missing.map(([, name]) => name).join(', ');
  if (missing.length > 0)
    console.warn(`skipped: ${packages} of Debian is not there and cannot be installed`);
  return missing.length === 0;
}

/** Fields of the user model, and the names that `seed.py` reads. */
export interface DjangoAccount {
  readonly email: string;
  readonly username?: string;
  readonly first_name?: string;
  readonly last_name?: string;
  readonly is_active?: boolean;
  readonly is_staff?: boolean;
  readonly is_superuser?: boolean;
  readonly last_login?: string;
  readonly phone?: string;
  /** None is an unusable password. */
  readonly password?: string | undefined;
  /** The algorithm of `django.contrib.auth.hashers`; that of the first hasher by default. */
  readonly hasher?: string;
  readonly groups?: readonly string[];
  readonly permissions?: readonly string[];
  /** The code of a one-time password. */
  readonly code?: string;
  /** The item of an order, which refers to the account. */
  readonly order?: string;
}

export interface DjangoData {
  readonly groups?: readonly {
    readonly name: string;
    readonly description: string;
    readonly permissions: readonly string[];
  }[];
  readonly people: readonly DjangoAccount[];
}

export interface Django extends AsyncDisposable {
  readonly directory: string;
  /** Runs a script of an operator in the directory of `manage.py`; `npx gatehouse` is in its path. */
  shell(script: string, environment?: Variables): Promise<ShellResult>;
  /** Starts the server and returns its port. It ends with the project. */
  serve(): Promise<number>;
}

/** @param settings the module `project.settings` (like dj-auth) or `project.plain` (Django's own user model) */
export async function createDjango(
  data: DjangoData,
  settings: 'project.settings' | 'project.plain' = 'project.settings',
): Promise<Django> {
  const directory = makeScratchDirectory('django');
  cpSync(join(root, 'test/ecosystem/django'), directory, { recursive: true });
  const programs = writePrograms(directory);
  const servers: ChildProcess[] = [];
  const env = {
    PATH: [programs, process.env.PATH ?? ''].join(delimiter),
    HOME: directory,
    DJANGO_SETTINGS_MODULE: settings,
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const run = (args: readonly [string, ...string[]], variables: Variables, input = '') =>
    runToEnd(args, { cwd: directory, env: { ...env, ...variables } }, input);
  const seeded = await run([python, 'seed.py'], {}, JSON.stringify(data));
  if (seeded.code !== 0) throw new Error(seeded.stderr);
  return {
    directory,
    shell: (script, environment = {}) =>
      run(['bash', '-c', `set -euo pipefail\n${script}`], environment),
    async serve() {
      const port = await freePort();
      const args = ['manage.py', 'runserver', '--noreload', `127.0.0.1:${port}`];
      const server = spawn(python, args, { cwd: directory, env, stdio: 'ignore' });
      servers.push(server);
      await until(() => {
        if (server.exitCode !== null) throw new Error('the server of Django ended');
        return acceptsConnections(port);
      });
      return port;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(
        servers.map((server) => {
          const ended = once(server, 'exit');
          server.kill('SIGTERM');
          return ended;
        }),
      );
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The programs that the guide names: `python` with the modules of Debian, and `npx` without its search. */
function writePrograms(directory: string): string {
  const programs = join(directory, 'bin');
  mkdirSync(programs);
  const write = (name: string, text: string) => {
    writeFileSync(join(programs, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(programs, name), 0o755);
  };
  write('python', `exec ${python} "$@"`);
  write('npx', `shift; exec '${process.execPath}' '${join(root, 'bin/gatehouse.js')}' "$@"`);
  return programs;
}

function runToEnd(
  [program, ...args]: readonly [string, ...string[]],
  options: { readonly cwd: string; readonly env: Variables },
  input: string,
): Promise<ShellResult> {
  return new Promise((resolve) => {
    const limits = { timeout: limitMilliseconds, maxBuffer: 2 ** 26 };
    const child = execFile(program, args, { ...options, ...limits }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
    child.stdin?.end(input);
  });
}
