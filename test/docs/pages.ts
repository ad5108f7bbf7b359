/** The pages of the documentation: their sections, tables, code blocks and links. */
import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/** Paths of all pages from the root of the repository. */
export const pagePaths: readonly string[] = [
  'README.md',
  ...readdirSync(new URL('docs', root))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export function readPage(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

export interface CodeBlock {
  readonly page: string;
  /** The words after the fence, such as `sh deploy`. */
  readonly info: string;
  readonly text: string;
}

const fence = /^( *)```(.*)\n([\s\S]*?)^ *```$/gm;

export function blocksOf(path: string): readonly CodeBlock[] {
  return [...readPage(path).matchAll(fence)].map(([, indent = '', info = '', text = '']) => ({
    page: path,
    info,
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** The text below a heading, up to the next heading of the same level or a higher one. */
function sectionOf(path: string, title: string): string {
  const prose = proseOf(path);
  const heading = new RegExp(`^(#+) ${title.replaceAll(/[.*+?]/g, '\\$&')}$`, 'm').exec(prose);
  if (!heading) throw new Error(`${path} has no section ${title}`);
  const rest = prose.slice(heading.index + heading[0].length);
  const next = new RegExp(`^#{1,${heading[1]?.length ?? 1}} `, 'm').exec(rest);
  return rest.slice(0, next?.index);
}

/** The cells of every row of the tables of a section, without the heads of the tables. */
export function rowsOf(path: string, title: string): readonly (readonly string[])[] {
  const lines = sectionOf(path, title).split('\n');
  return lines
    .filter((line, at) => line.startsWith('| ') && !lines[at + 1]?.startsWith('|---'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
}

/** The anchors of headings, as GitHub creates them. */
export function anchorsOf(path: string): ReadonlySet<string> {
  const titles = [...proseOf(path).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title);
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** Targets of links and pictures other than web addresses. */
export function linksOf(path: string): readonly string[] {
  return [...proseOf(path).matchAll(/(?:\]\(|src=")([^)"\s]+)[)"]/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

function proseOf(path: string): string {
  return readPage(path).replaceAll(fence, '');
}
