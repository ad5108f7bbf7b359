/** The page of security tests: its ids have no gap, its tests exist, and every P0 requirement names one. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { faultOf, namedTestsOf } from './support/named-tests.ts';

const root = new URL('../', import.meta.url);
const page = readFileSync(new URL('docs/security-tests.md', root), 'utf8');

/** The last number of each section. */
const lastNumbers = {
  A: 13,
  B: 20,
  C: 10,
  D: 13,
  E: 21,
  F: 10,
  G: 10,
  H: 12,
  I: 10,
  J: 15,
  K: 8,
} as const;

interface Requirement {
  readonly id: string;
  readonly section: string;
  readonly priority: string;
  /** The text of the cell. */
  readonly tests: string;
}

/** Every row of every table, below the heading of its section. */
const requirements: readonly Requirement[] = page
  .split(/^## /m)
  .slice(1)
  .flatMap((section) =>
    section
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| id |'))
      .map((line) => {
        const [, id = '', , priority = '', tests = ''] = line.split('|').map((cell) => cell.trim());
        return { id, section: section.charAt(0), priority, tests };
      }),
  );

const namedTests = ({ tests }: Requirement) => namedTestsOf(tests);

test('the ids of every section run from 01 to its last number, each once', () => {
  const expected = Object.entries(lastNumbers).flatMap(([section, last]) =>
    Array.from({ length: last }, (_, index) => `${section}${String(index + 1).padStart(2, '0')}`),
  );
  expect(requirements.map(({ id }) => id)).toEqual(expected);
  for (const { id, section } of requirements) expect(id.charAt(0)).toBe(section);
});

test('every priority is P0, P1 or P2', () => {
  expect(requirements.filter(({ priority }) => !/^P[012]$/.test(priority))).toEqual([]);
  const release = requirements.filter(({ priority }) => priority === 'P0');
  expect(release.length).toBeGreaterThan(90);
});

test('every named test is in its file', () => {
  const faults = requirements.flatMap((requirement) =>
    namedTests(requirement).flatMap((named) => {
      const fault = faultOf(named);
      return fault === undefined ? [] : [[requirement.id, named.path, named.title, fault]];
    }),
  );
  expect(faults).toEqual([]);
});

test('a cell holds named tests only, and that of a P0 requirement is not empty', () => {
  const rest = (requirement: Requirement) =>
    namedTests(requirement).reduce(
      (cell, { path, title }) => cell.replace(`\`${path}\` "${title}"`, ''),
      requirement.tests,
    );
  for (const requirement of requirements) {
    const isEmpty = requirement.tests === 'none' && requirement.priority !== 'P0';
    expect([requirement.id, rest(requirement).replaceAll('<br>', '')]).toEqual([
      requirement.id,
      isEmpty ? 'none' : '',
    ]);
    expect([requirement.id, isEmpty || namedTests(requirement).length > 0]).toEqual([
      requirement.id,
      true,
    ]);
  }
});

test('a title that does not exist, and a part that is not unique, are found', () => {
  const path = 'test/contract/tokens.test.ts';
  expect(faultOf({ path, title: 'no such title' })).toBe('0 titles contain this');
  expect(faultOf({ path, title: 'when it is' })).toBe('2 titles contain this');
  expect(faultOf({ path: 'test/no-such.test.ts', title: 'x' })).toBe('no such file');
  expect(faultOf({ path, title: 'with %s, though we signed it' })).toBeUndefined();
});
