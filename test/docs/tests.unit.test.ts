/** The description of the tests agrees with the files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const page = read('test/README.md');

test('every folder of the tests is described', () => {
  const folders = readdirSync(`${root}test`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `\`test/${name}\``);
  expect(folders.length).toBeGreaterThan(15);
  expect(folders.filter((folder) => !page.includes(folder))).toEqual([]);
});

test('every path in it exists', () => {
  const paths = [...page.matchAll(/(?:`|vitest run )((?:test|docs|src)\/[\w./-]+)/g)];
  expect(paths.length).toBeGreaterThan(40);
  expect(paths.map(([, path]) => path).filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
});

test('every script in it is in package.json', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const named = new Set([...page.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name));
  expect(named.size).toBeGreaterThan(5);
  expect([...named].filter((name) => scripts[name] === undefined)).toEqual([]);
});

test('every helper in it is exported by the file beside it', () => {
  const rows = [...page.matchAll(/^\| ((?:`\w+\(\)`(?:, )?)+) of `(test\/support\/[\w-]+\.ts)`/gm)];
  expect(rows.length).toBeGreaterThan(4);
  const missing = rows.flatMap(([, names = '', path = '']) =>
    [...names.matchAll(/`(\w+)\(\)`/g)]
      .map(([, name]) => name)
      .filter((name) => !new RegExp(`^export (async )?function ${name}\\b`, 'm').test(read(path))),
  );
  expect(missing).toEqual([]);
});

test('its example is an existing test', () => {
  const [, path = ''] = /all of `(test\/[\w./-]+)`/.exec(page) ?? [];
  const [, example] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
  expect(example).toBe(read(path));
});
