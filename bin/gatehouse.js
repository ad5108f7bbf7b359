#!/usr/bin/env node
// The launcher: checks the version of Node.js, then runs the command line.

import { existsSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

// While modules are loaded, the young generation of the heap does not grow: it would keep 25 MB that an idle server
// never uses. `serve` restores the growth when the server has started.
setFlagsFromString('--semi-space-growth-factor=1');

const required = [22, 17];
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < required[0] || (major === required[0] && minor < required[1])) {
  console.error(
    `gatehouse needs Node.js ${required.join('.')} or newer, and this is ${process.versions.node}.\n` +
      'Start it with npm (npm start) or npx (npx gatehouse …): they use the Node.js that npm installed with it.',
  );
  process.exit(2);
}

// The build has filled the directory. Nothing else may be used here: a cache in a shared directory, such as /tmp,
// would run the code of another user.
const compileCache = fileURLToPath(new URL('../dist/compile-cache', import.meta.url));
if (existsSync(compileCache)) module.enableCompileCache(compileCache);

const { runCommandLine } = await import('../dist/bundle/command-line.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('command-line.js')) {
    throw error;
  }
  console.error('gatehouse is not built yet: run npm run build.');
  process.exit(2);
});
await runCommandLine(process.argv.slice(2), process);
// The command has closed its resources. A timer of a library must not keep the process running: the job
// queue has one of ten minutes after an interrupted run.
setTimeout(() => process.exit(), 500).unref();
