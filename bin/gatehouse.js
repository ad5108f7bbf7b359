#!/usr/bin/env node
// The launcher: runs the command line, in the Node.js that npm installed with it if this one is too old.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const required = [22, 17];
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < required[0] || (major === required[0] && minor < required[1])) {
  const newer = installedNode();
  if (newer !== undefined) runIn(newer);
  else {
    console.error(
      `gatehouse needs Node.js ${required.join('.')} or newer, and this is ${process.versions.node}.\n` +
        'npm installs a newer one with it, unless optional dependencies are omitted or there is none for this system.',
    );
    process.exit(2);
  }
} else {
  await runHere();
}

/** The program of the optional dependency for this platform. */
function installedNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  for (const prefix of ['node', 'node-bin']) {
    try {
      const name = `${prefix}-${platform}-${process.arch}`;
      const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
      const program = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node';
      return join(dirname(manifest), program);
    } catch {
      // not installed
    }
  }
  return undefined;
}

/** Passes signals on, and ends with the status or the signal of the other process. */
function runIn(program) {
  const child = spawn(program, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  child.on('error', ({ message }) => {
    console.error(`gatehouse cannot start ${program}: ${message}`);
    process.exit(2);
  });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2'])
    process.on(signal, () => child.kill(signal));
  // A terminal sends SIGINT to both processes.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

async function runHere() {
  // While modules are loaded, the young generation of the heap does not grow: it would keep 25 MB that an idle server
  // never uses. `serve` restores the growth when the server has started.
  setFlagsFromString('--semi-space-growth-factor=1');

  // The build has filled the directory. Nothing else may be used here: a cache in a shared directory, such as /tmp,
  // would run the code of another user.
  const compileCache = fileURLToPath(new URL('../dist/compile-cache', import.meta.url));
  if (existsSync(compileCache)) module.enableCompileCache(compileCache);

  const { runCommandLine } = await import('../dist/bundle/command-line.js').catch((error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('command-line.js'))
      throw error;
    console.error('gatehouse is not built yet: run npm run build.');
    process.exit(2);
  });
  await runCommandLine(process.argv.slice(2), process);
  // The command has closed its resources. A timer of a library must not keep the process running: the job
  // queue has one of ten minutes after an interrupted run.
  setTimeout(() => process.exit(), 500).unref();
}
