/** Links of the documentation have existing targets, and the README links to every page. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { anchorsOf, linksOf, pagePaths, readPage } from './pages.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The path of a link from the root of the repository, and its anchor. */
function targetOf(page: string, link: string): { readonly path: string; readonly anchor: string } {
  const [file = '', anchor = ''] = link.split('#');
  const path = file === '' ? page : relative(root, join(root, dirname(page), file));
  return { path, anchor };
}

test.each([...pagePaths, 'CHANGELOG.md'])('every link of %s has an existing target', (page) => {
  const broken = linksOf(page).filter((link) => {
    const { path, anchor } = targetOf(page, link);
    if (!existsSync(join(root, path))) return true;
    return anchor !== '' && !anchorsOf(path).has(anchor);
  });
  expect(broken).toEqual([]);
});

test('broken links are found', () => {
  expect(linksOf('README.md').length).toBeGreaterThan(20);
  expect(anchorsOf('docs/graphql.md').has('problem-codes')).toBe(true);
  expect(anchorsOf('docs/graphql.md').has('no-such-section')).toBe(false);
});

/** Paths of the repository in backquotes, and those in commands. */
const namedPaths = (page: string) =>
  [
    ...readPage(page).matchAll(
      /(?:`|vitest run )((?:src|test|deploy|docs|bin)\/[\w./-]+)(?=[`\s])/g,
    ),
  ].map(([, path = '']) => path);

test.each(pagePaths)('every path that %s names exists', (page) => {
  expect(namedPaths(page).filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('the README links to every page', () => {
  const linked = new Set(linksOf('README.md').map((link) => targetOf('README.md', link).path));
  expect(pagePaths.filter((page) => page !== 'README.md' && !linked.has(page))).toEqual([]);
});

test('the README has at most 200 lines, and one small picture', () => {
  expect(readPage('README.md').split('\n').length).toBeLessThanOrEqual(201);
  const pictures = linksOf('README.md').filter((link) => link.endsWith('.png'));
  expect(pictures).toHaveLength(1);
  for (const picture of pictures) expect(statSync(join(root, picture)).size).toBeLessThan(150_000);
});

test('docs/architecture.md names every folder of the source and every feature', () => {
  const foldersOf = (path: string) =>
    readdirSync(join(root, path), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${path}/${name}`);
  const named = new Set(namedPaths('docs/architecture.md'));
  const folders = [...foldersOf('src'), ...foldersOf('src/features')];
  expect(folders.length).toBeGreaterThan(20);
  expect(folders.filter((folder) => !named.has(folder))).toEqual([]);
});
