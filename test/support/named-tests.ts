/** Tests that a page of the documentation names as `path` "title". */
import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

export interface NamedTest {
  readonly path: string;
  readonly title: string;
}

export function namedTestsOf(cell: string): readonly NamedTest[] {
  return [...cell.matchAll(/`(test\/[\w./-]+\.test\.ts)` "([^"]+)"/g)].map(
    ([, path = '', title = '']) => ({ path, title }),
  );
}

/**
 * The titles of tests and groups in the source of a file: the first argument of `test` and `describe`, also
 * after `test.each(…)`.
 */
function titlesOf(path: string): readonly string[] {
  const call = String.raw`(?:^ *(?:test|describe)(?:\.\w+)*(?:<.*>)?\(|\)\()`;
  const literal = String.raw`('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|${'`[^`]*`'})`;
  const source = readFileSync(new URL(path, root), 'utf8');
  return [...source.matchAll(new RegExp(`${call}\\s*${literal},`, 'gm'))].map(([, title = '']) =>
    title.slice(1, -1),
  );
}

/** The problem with a named test; undefined if there is none. */
export function faultOf({ path, title }: NamedTest): string | undefined {
  if (!existsSync(new URL(path, root))) return 'no such file';
  const titles = titlesOf(path);
  if (titles.includes(title)) return undefined;
  const found = titles.filter((each) => each.includes(title)).length;
  return found === 1 ? undefined : `${found} titles contain this`;
}
