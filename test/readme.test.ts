/** What the README says is so: its tour word for word, its tables of codes and variables. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { problemCodes, sentenceOf, statusOf } from '../src/core/errors.ts';
import { metricRows } from '../src/observability/metric-definitions.ts';
import { runCommand } from './support/command-line.ts';
import { canRun } from './support/debian.ts';
import { freePort } from './support/free-port.ts';
import { makeScratchDirectory } from './support/scratch.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

function section(title: string): string {
  const text = readme.split(`\n## ${title}\n`)[1]?.split('\n## ')[0];
  if (text === undefined) throw new Error(`the README has no section ${title}`);
  return text;
}

test('the table of codes is the catalogue', () => {
  const rows = [...section('Codes').matchAll(/^\| `(\w+)` \| (\d+) \| (.*) \|$/gm)];
  expect(rows.map(([, code, status, sentence]) => [code, Number(status), sentence])).toEqual(
    problemCodes.map((code) => [code, statusOf(code), sentenceOf(code)]),
  );
});

test('the table of variables and .env.example name the same variables as the configuration', () => {
  const names = (text: string) =>
    new Set(text.match(/\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|\bDEBUG\b|\bHOST\b|\bPORT\b|\bWORKERS\b/g));
  const source = readFileSync(new URL('../src/config/variables.ts', import.meta.url), 'utf8');
  const read = [...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)].map(([, name]) => name ?? '');
  expect(read.length).toBeGreaterThan(25);
  const documented = names(section('Configuration'));
  const example = names(readFileSync(new URL('../.env.example', import.meta.url), 'utf8'));
  for (const name of read) {
    expect([name, documented.has(name)]).toEqual([name, true]);
    expect([name, name === 'NODE_ENV' || example.has(name)]).toEqual([name, true]);
  }
});

test('the table of commands is that of the command line', async () => {
  const help = async (...words: string[]) =>
    (await runCommand([...words, '--help'], { environment: {} })).stdout;
  const commandsOf = (text: string, group = '') =>
    [...text.matchAll(new RegExp(`^ {2}gatehouse ${group}([a-z-]+)`, 'gm'))].map(
      ([, name]) => `${group}${name}`,
    );
  const commands = await Promise.all(
    commandsOf(await help()).map(async (name) => {
      const inner = commandsOf(await help(name), `${name} `);
      return inner.length > 0 ? inner : [name];
    }),
  );
  const rows = [...section('Command line').matchAll(/^\| (`npx gatehouse .*?) \| /gm)];
  const documented = rows
    .flatMap(([, cell = '']) => [...cell.matchAll(/`(?:npx gatehouse )?([^`]*)`/g)])
    .flatMap(([, command = '']) => alternativesOf(command));
  expect(new Set(documented)).toEqual(new Set(commands.flat()));
});

/** `groups list\|show` as `groups list` and `groups show`, each without its arguments. */
function alternativesOf(command: string): string[] {
  const [name = '', inner = ''] = command.split(' ');
  if (!/^[a-z]/.test(inner) || name === 'completion') return [name];
  return inner.split('\\|').map((each) => `${name} ${each}`);
}

test('the table of metrics is that of the code', () => {
  const rows = [
    ...section('Being looked after').matchAll(/^\| `(gatehouse_\S+?)(\{.*\})?` \| (.*) \|$/gm),
  ];
  expect(rows.map(([, name, labels = '', rest]) => [name, labels, rest])).toEqual(
    Object.values(metricRows).map(({ name, labels, kind, help }) => [
      name,
      labels ? `{${labels.join(', ')}}` : '',
      `${kind} | ${help}`,
    ]),
  );
});

const isZshThere = canRun('zsh', 'zsh');
if (!isZshThere)
  console.warn('skipped: the tour in zsh, as zsh is not there and cannot be installed');

// Several processes in a row, and others beside them.
test.each(['bash', ...(isZshThere ? ['zsh'] : [])])(
  'the tour works word for word in %s',
  { timeout: 120_000 },
  async (shell) => {
    const dataDirectory = makeScratchDirectory('a tour');
    const port = await freePort();
    const environment = {
      ...process.env,
      NODE_ENV: '',
      GATEHOUSE_DATA_DIR: dataDirectory,
      PORT: String(port),
    };
    const server = spawn(process.execPath, ['bin/gatehouse.js', 'serve'], {
      cwd: root,
      env: environment,
    });
    try {
      await untilListening(server);
      const blocks = [...section('Five minutes').matchAll(/```sh\n([\s\S]*?)```/g)].map(
        ([, text]) => text,
      );
      const script = blocks
        .join("\necho; echo '====='\n")
        .replace('localhost:4000', `localhost:${port}`);
      const output = await promisify(execFile)(shell, ['-euc', script], {
        cwd: root,
        env: environment,
      });
      const parts = output.stdout.split('=====\n');
      expect(parts[0]).toContain('Registration successful');
      expect(parts[0]).toContain('Email Verification Successful');
      expect(parts[1]).toContain('"full_name":"Ada Lovelace"');
      expect(parts[1]).toContain('"has_permission":false');
      expect(parts[2]).toContain('"fullName":"Ada Lovelace"');
      expect(parts[2]).toContain('INVALID_CREDENTIALS');
      expect(parts[3]).toMatch(/^204\n.*UNAUTHENTICATED/);
      expect(parts[4]).toContain('Superuser root@example.com made');
      expect(parts[4]).toContain('access_token');
    } finally {
      server.kill('SIGTERM');
      await once(server, 'exit');
      await rm(dataDirectory, { recursive: true, force: true });
    }
  },
);

function untilListening(server: ChildProcessWithoutNullStreams): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    server.stdout.on('data', (chunk) => {
      text += chunk;
      if (text.includes('Server listening')) resolve();
    });
    server.once('exit', () => reject(new Error(`the server ended: ${text}`)));
  });
}
