// Fills dist/compile-cache with the compiled code of the bundle and its packages, so that a start does not
// compile them again. The build runs it. Node.js has a directory for each user id: further ids, as arguments,
// get links to the directory of this user, and can only read it.
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const bundle = new URL('../dist/bundle/', import.meta.url);
const cache = fileURLToPath(new URL('../dist/compile-cache', import.meta.url));

// The flag of the launcher: the code of a process with other flags is not used.
setFlagsFromString('--semi-space-growth-factor=1');

rmSync(cache, { recursive: true, force: true });
mkdirSync(cache);
module.enableCompileCache(cache);
for (const name of readdirSync(bundle).filter((file) => file.endsWith('.js'))) {
  await import(new URL(name, bundle));
}
module.flushCompileCache();

for (const uid of process.argv.slice(2)) {
  for (const own of readdirSync(cache)) {
    for (const file of readdirSync(join(cache, own))) chmodSync(join(cache, own, file), 0o644);
    symlinkSync(own, join(cache, own.replace(/-\d+$/, `-${uid}`)));
  }
}
