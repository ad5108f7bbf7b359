/** The dependencies have exact versions, also in the lock file. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string) =>
  JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  /** A package of this repository. */
  readonly link?: boolean;
}

test('I10: every dependency is pinned, also in the lock file, and npm run audit exists', () => {
  const manifest = read('package.json');
  const locked: Readonly<Record<string, LockedPackage>> = read('package-lock.json').packages;
  const declared: Readonly<Record<string, string>> = {
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.optionalDependencies,
  };
  expect(Object.keys(declared).length).toBeGreaterThan(30);
  for (const [name, version] of Object.entries(declared)) {
    expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+(-[\w.]+)?$/)]);
    expect([name, locked[`node_modules/${name}`]?.version]).toEqual([name, version]);
  }
  const installed = Object.entries(locked).filter(
    ([path, { link }]) => path.startsWith('node_modules/') && !link,
  );
  expect(installed.length).toBeGreaterThan(Object.keys(declared).length);
  for (const [path, { integrity }] of installed) {
    expect([path, integrity]).toEqual([path, expect.stringMatching(/^sha512-/)]);
  }
  // The bundle contains packages that are development dependencies, so these are included.
  expect(manifest.scripts.audit).toBe('npm audit --audit-level=high');
});
