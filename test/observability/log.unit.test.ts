/** The log: no credentials, no quoted values, one line for each call. */
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createLog, errorForLog, type Log } from '../../src/observability/log.ts';

/** The lines that one call writes to a log for programs. */
function linesOf(write: (log: Log) => void): string[] {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  write(createLog({ isReadable: false, destination }));
  return lines;
}

describe('credentials of a request that a library logs', () => {
  const secret = 'ya29.a-secret-of-the-caller';

  test.each([
    ['the header Authorization', { req: { headers: { authorization: `Bearer ${secret}` } } }],
    ['the header Cookie', { req: { headers: { cookie: `session=${secret}` } } }],
    ['Authorization of a response', { headers: { authorization: `Bearer ${secret}` } }],
  ])('%s does not appear', (_what, record) => {
    const [line = ''] = linesOf((log) => log.info(record, 'a record of a library'));
    expect(line).toContain('a record of a library');
    expect(line).toContain('[Redacted]');
    expect(line).not.toContain(secret);
  });
});

describe('a line', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is about these characters
  const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
  const hostile = 'before\r\n{"msg":"forged"}\u001b[2K\u0085\u2028after';

  test('for programs is one line and parses to the same text', () => {
    const lines = linesOf((log) => log.info({ quoted: hostile }, hostile));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    expect(lines[0]?.slice(0, -1)).not.toMatch(controls);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: hostile, quoted: hostile });
  });

  test('for people has no control characters', () => {
    const chunks: string[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        chunks.push(String(chunk));
        done();
      },
    });
    createLog({ isReadable: true, stream }).info({ quoted: hostile }, hostile);
    const shown = chunks.join('');
    expect(shown).toContain('forged');
    for (const line of shown.split('\n')) expect(line).not.toMatch(controls);
    expect(shown.split('\n').filter((line) => line.includes('forged'))).toHaveLength(2);
  });
});

describe('an error', () => {
  const databaseError = (code: string, fields: object = {}) =>
    Object.assign(new Error('Key (email)=(ada@example.com) already exists.'), {
      code,
      severity: 'ERROR',
      ...fields,
    });

  test('of the database loses the values that it quotes, and keeps code and names', () => {
    const error = databaseError('23505', { table: 'users', constraint: 'users_email_unique' });
    const logged = errorForLog(error);
    expect(logged.message).toBe('database error 23505, table users, constraint users_email_unique');
    expect(JSON.stringify(logged)).not.toContain('ada@example.com');
  });

  test('about the statement keeps its sentence', () => {
    const error = databaseError('42703');
    error.message = 'select emial from users\ncolumn "emial" does not exist';
    expect(errorForLog(error).message).toBe('database error 42703, column "emial" does not exist');
  });

  test('of any other kind keeps its message, and only the locations of its stack', () => {
    const error = new TypeError('a mistake of ours');
    const { type, message, stack } = errorForLog(error);
    expect({ type, message }).toEqual({ type: 'TypeError', message: 'a mistake of ours' });
    expect(stack).toMatch(/^\s+at /);
    expect(stack).not.toContain('a mistake of ours');
  });

  test('that is not an Error shows no value', () => {
    expect(errorForLog('a secret text')).toEqual({
      type: 'string',
      message: 'not an Error',
      stack: '',
    });
  });
});
