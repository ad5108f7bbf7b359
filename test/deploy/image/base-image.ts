/**
 * A stand-in for `node:26-bookworm-slim`, which cannot be pulled without a registry of images: Node.js and
 * npm of this machine, their libraries, and a shell from busybox.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

const commands = ['sh', 'rm', 'env', 'ls', 'cat', 'id'];
/** Libraries that packages load at run time, in addition to the libraries of node. */
const moreLibraries = ['librt.so.1', 'libutil.so.1', 'libanl.so.1', 'libresolv.so.2'];
const certificates = '/etc/ssl/certs/ca-certificates.crt';

export function makeRootFilesystem(root: string): void {
  const at = (path: string) => join(root, path);
  for (const path of [
    'bin',
    'usr/bin',
    'usr/local/bin',
    'usr/local/etc',
    'root',
    'tmp',
    'var/tmp',
  ]) {
    mkdirSync(at(path), { recursive: true });
  }
  chmodSync(at('tmp'), 0o1777);
  copyProgram(root, '/bin/busybox', 'bin/busybox');
  for (const command of commands) symlinkSync('busybox', at(`bin/${command}`));
  symlinkSync('/bin/env', at('usr/bin/env'));
  copyProgram(root, process.execPath, 'usr/local/bin/node');
  const npm = dirname(dirname(realpathSync(execFileSync('which', ['npm']).toString().trim())));
  cpSync(npm, at('usr/local/lib/node_modules/npm'), { recursive: true });
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, at(`usr/local/bin/${name}`));
  }
  mkdirSync(at('etc'), { recursive: true });
  writeFileSync(at('etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(at('etc/group'), 'root:x:0:\n');
  if (existsSync(certificates)) {
    mkdirSync(dirname(at(certificates)), { recursive: true });
    cpSync(realpathSync(certificates), at(certificates));
    writeFileSync(at('usr/local/etc/npmrc'), `cafile=${certificates}\n`);
  }
}

/** A program and its linked libraries. */
function copyProgram(root: string, program: string, path: string): void {
  cpSync(realpathSync(program), join(root, path));
  const { output } = librariesOf(program);
  const linked = [...output.matchAll(/(\/\S+\.so\S*)/g)].map(([, library = '']) => library);
  const folder = dirname(linked.find((library) => /libc\.so/.test(library)) ?? '/lib/none');
  const more = moreLibraries.map((name) => join(folder, name)).filter((file) => existsSync(file));
  for (const library of [...linked, ...(linked.length > 0 ? more : [])]) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    cpSync(realpathSync(library), join(root, dirname(library), basename(library)));
  }
}

function librariesOf(program: string): { readonly output: string } {
  try {
    return {
      output: execFileSync('ldd', [program], { stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
    };
  } catch {
    return { output: '' }; // linked to nothing
  }
}
