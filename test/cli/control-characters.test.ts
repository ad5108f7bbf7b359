/** Stored text with control characters and bidirectional controls, at a terminal and in the log. */

import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from '../../src/observability/log.ts';
import { superuser } from '../support/administrators.ts';
import { environmentOf } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { goodPassword } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

/** C0, DEL, C1, line separators, bidirectional controls, the byte order mark. */
const unprintable = [
  0x07, 0x08, 0x09, 0x0a, 0x0d, 0x1b, 0x7f, 0x80, 0x85, 0x90, 0x9b, 0x9d, 0x9f, 0x61c, 0x200e,
  0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff,
].map((code) => String.fromCharCode(code));
const canary = `a${unprintable.join('[31mb')}z`;
const unprintableIn = (text: string) => unprintable.filter((character) => text.includes(character));

let service: TestService;
let email: string;
const command = (...args: string[]) =>
  runCommand(args, { environment: environmentOf(service.database, service.mail) });

beforeAll(async () => {
  const { SECRET_KEY = '' } = environmentOf({ url: '' });
  service = await startService({ environment: { SECRET_KEY } });
  const root = await superuser(service);
  email = root.email;
  const { query } = service.database;
  // Stored by an import or an older release; this release refuses such input.
  await query(
    'update users set first_name = $1, last_name = $1, username = $1, pending_email = $1',
    [canary],
  );
  await query('update sessions set user_agent = $1', [canary]);
  await query(
    `insert into groups (id, name, description)
     select gen_random_uuid(), name, $1 from unnest(array[$1, 'plain']) name`,
    [canary],
  );
  await query(
    `insert into permissions (id, codename, name)
     select gen_random_uuid(), codename, $1 from unnest(array[$1, 'shop.view']) codename`,
    [canary],
  );
  await query(
    `insert into group_permissions (group_id, permission_id)
     select g.id, p.id from groups g, permissions p where g.description = $1 and p.name = $1`,
    [canary],
  );
  await query(
    `insert into user_groups (user_id, group_id)
     select u.id, g.id from users u, groups g where g.name = $1`,
    [canary],
  );
  await query(
    `insert into user_permissions (user_id, permission_id)
     select u.id, p.id from users u, permissions p where p.codename = $1`,
    [canary],
  );
  await query(
    `insert into registrations (id, email, password_hash, first_name, last_name, code_id, digest, created_at, expires_at, mailed_at)
     select id, $1, 'x', $1, $1, id, id::text, now(), now() + interval '1 day', now() from gen_random_uuid() id`,
    [canary],
  );
  await query(
    `select graphile_worker.add_job('send-mail', json_build_object('mail', 'password-changed', 'to', $1::text), run_at => now() + interval '1 day')`,
    [canary],
  );
  await query(`update graphile_worker._private_jobs set attempts = max_attempts, last_error = $1`, [
    canary,
  ]);
});
afterAll(() => service.close());

const lists = () => [
  ['users', 'list'],
  ['groups', 'list'],
  ['permissions', 'list'],
  ['registrations', 'list'],
  ['sessions', 'list', email],
  ['mail', 'list'],
  ['audit', 'tail', '--limit', '1000'],
];

describe('I03: the command line prints no control character of stored text', () => {
  test('I03: in tables, CSV and JSON', async () => {
    for (const list of lists()) {
      for (const format of ['table', 'csv', 'json']) {
        const { code, stdout } = await command(...list, '--format', format);
        const text = stdout.replaceAll('\n', '');
        expect([list, format, code, unprintableIn(text)]).toEqual([list, format, 0, []]);
        if (list[0] !== 'audit') expect(stdout).toContain('[31mb'); // the text is there
      }
    }
  });

  test('I03: a row stays one line', async () => {
    const { stdout } = await command('registrations', 'list');
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  test('I03: JSON has the text as it is stored', async () => {
    const { stdout } = await command('users', 'list', '--json');
    expect(JSON.parse(stdout)).toEqual([expect.objectContaining({ firstName: canary })]);
  });

  test('I03: in details', async () => {
    for (const words of [
      ['users', 'show', email],
      ['users', 'explain', email, 'shop.view'],
      ['groups', 'show', 'plain'],
    ]) {
      const { code, stdout } = await command(...words);
      expect([words, code, unprintableIn(stdout.replaceAll('\n', ''))]).toEqual([words, 0, []]);
      expect(stdout).toContain('[31mb');
    }
  });

  test('I03: in an error that quotes its input', async () => {
    const { code, stderr } = await command('users', 'show', canary);
    expect([code, unprintableIn(stderr.replaceAll('\n', ''))]).toEqual([1, []]);
  });
});

describe('I03: the log', () => {
  const logged = (isReadable: boolean): string => {
    let text = '';
    const stream = new Writable({
      write: (chunk, _encoding, done) => {
        text += chunk;
        done();
      },
    });
    const log = createLog({ isReadable, stream });
    log.warn({ err: new Error(canary), userAgent: canary, answer: { lines: [canary] } }, canary);
    return text;
  };

  test('I03: JSON lines have an escape for each character and parse to the text', () => {
    const text = logged(false);
    expect(text.match(/\n/g)).toHaveLength(1);
    expect(unprintableIn(text.trimEnd())).toEqual([]);
    expect(JSON.parse(text)).toMatchObject({
      msg: canary,
      userAgent: canary,
      answer: { lines: [canary] },
      err: { message: canary },
    });
  });

  test('I03: readable lines have a space for each character', () => {
    const text = logged(true);
    expect(text).toContain('[31mb');
    expect(unprintableIn(stripVTControlCharacters(text).replaceAll('\n', ''))).toEqual([]);
  });
});

test('I03: a user agent has no control characters in the session and in the audit log', async () => {
  const ask = (method: string, path: string, body: object, headers = {}) =>
    fetch(`${service.address}/auth${path}`, {
      method,
      body: JSON.stringify(body),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'agent\u009b31m\u0085end',
        ...headers,
      },
    });
  const login = await ask('POST', '/login/', { email, password: goodPassword });
  const { data } = (await login.json()) as { data: { access_token: string } };
  const authorization = `Bearer ${data.access_token}`;
  await ask('PUT', '/profile/update/', { first_name: 'Grace' }, { authorization });
  const sessions = await service.database.query(
    `select user_agent from sessions where user_agent like 'agent%'`,
  );
  expect(sessions).toEqual([{ user_agent: 'agent 31m end' }]);
  const { stdout } = await command('audit', 'tail', '--json');
  const agents = [...stdout.matchAll(/"userAgent":"(agent[^"]*)"/g)].map(([, agent]) => agent);
  expect(new Set(agents)).toEqual(new Set(['agent 31m end']));
});
