/** Lists in their three formats: for a terminal, a spreadsheet and a program. */
import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Format } from '../../src/cli/arguments.ts';
import { type Column, printList } from '../../src/cli/output.ts';

interface Row {
  readonly name: string;
  readonly at: Date | null;
  readonly tags: readonly string[];
  readonly isOn: boolean;
}

const columns: readonly Column<Row>[] = [
  { name: 'name', title: 'NAME', value: ({ name }) => name },
  { name: 'at', title: 'AT', value: ({ at }) => at },
  { name: 'tags', title: 'TAGS', value: ({ tags }) => tags },
  { name: 'isOn', title: 'ON', value: ({ isOn }) => isOn },
];
const row = (name: string): Row => ({
  name,
  at: new Date('2026-11-28T12:00:00.123Z'),
  tags: ['a', 'b'],
  isOn: true,
});

/** The output at a terminal of that width, or in a pipe. */
async function printed(rows: readonly Row[], format: Format, width?: number): Promise<string> {
  let text = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const terminal = width === undefined ? {} : { isTTY: true, columns: width };
  await printList([rows], columns, { format, stdout: Object.assign(stdout, terminal) });
  return text;
}

test('a table for people', async () => {
  expect(await printed([row('Ada'), { ...row('李'), isOn: false, at: null }], 'table')).toBe(
    [
      'NAME  AT                    TAGS  ON',
      'Ada   2026-11-28T12:00:00Z  a, b  yes',
      '李                          a, b',
      '',
    ].join('\n'),
  );
});

test('CSV for spreadsheets', async () => {
  expect(await printed([row('Ada, "Countess"')], 'csv')).toBe(
    'name,at,tags,isOn\n"Ada, ""Countess""",2026-11-28T12:00:00.123Z,a b,true\n',
  );
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\u0009=1'])(
  'a spreadsheet does not run %j as a formula',
  async (name) => {
    const [, line = ''] = (await printed([row(name)], 'csv')).split('\n');
    expect(line).not.toMatch(/^"?[=+\-@\t]/);
    expect(line).toContain(name.trim());
  },
);

describe('JSON for programs', () => {
  test('parses to the values', async () => {
    const [first] = JSON.parse(await printed([row('Ada'), row('Grace')], 'json'));
    expect(first).toEqual({ ...row('Ada'), at: '2026-11-28T12:00:00.123Z' });
  });

  test('of nothing is an empty list', async () => {
    expect(await printed([], 'json')).toBe('[]\n');
  });
});

test.each(['table', 'csv', 'json'] as const)(
  'no escape code of a value is in %s',
  async (format) => {
    const text = await printed([row('a\u001b[2Kb\u202ec')], format);
    expect(text).toContain('[2Kb');
    expect(['\u001b', '\u202e'].filter((character) => text.includes(character))).toEqual([]);
  },
);

test('at a terminal lines are cut to its width', async () => {
  const text = await printed([row('x'.repeat(200))], 'table', 60);
  const lines = stripVTControlCharacters(text).trimEnd().split('\n');
  expect(lines).toHaveLength(2);
  expect(lines.filter((line) => line.length > 60)).toEqual([]);
  expect(lines[1]).toContain('…');
});
