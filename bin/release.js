#!/usr/bin/env node
// Builds all packages, packs them into `release/` and writes their checksums. It publishes nothing.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));
const [directory = 'release'] = process.argv.slice(2);

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const target = ['--pack-destination', directory];
execFileSync('npm', ['pack', ...target], { stdio: 'inherit' });
execFileSync('npm', ['pack', '--workspaces', ...target], { stdio: 'inherit' });

const checksums = readdirSync(directory).map((name) => {
  const digest = createHash('sha256').update(readFileSync(join(directory, name)));
  return `${digest.digest('hex')}  ${name}\n`;
});
writeFileSync(join(directory, 'SHA256SUMS'), checksums.join(''));
