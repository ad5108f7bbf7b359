/**
 * People of a Django project with Django's own user model, where the username is the login and an address is optional.
 * Without the Django of Debian the tests are skipped.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { environmentOf } from '../support/command.ts';
import { createDjango, type Django, hasDjango } from '../support/django.ts';
import { passwordOf } from '../support/django-people.ts';
import { startService, type TestService } from '../support/service.ts';
import type { ShellResult } from '../support/shell.ts';

const person = (username: string, email: string) => ({
  username,
  email,
  is_active: true,
  password: passwordOf(username),
});

const people = [
  person('ida', 'Ida@Example.net'),
  person('no-address', ''),
  person('joe@example.net', 'joe@example.net'),
  { ...person('reader', 'reader@example.net'), permissions: ['auth.view_user'] },
];

describe.skipIf(!hasDjango())(
  "people of Django's own user model move",
  { timeout: 120_000 },
  () => {
    let django: Django;
    let service: TestService;
    let result: ShellResult;

    beforeAll(async () => {
      service = await startService();
      django = await createDjango({ people }, 'project.plain');
      const guide = blocksOf('docs/migrating-from-django.md');
      const script = guide.find(({ info }) => info === 'sh plain')?.text ?? '';
      result = await django.shell(script, environmentOf(service.database));
    }, 120_000);
    afterAll(async () => {
      await django?.[Symbol.asyncDispose]();
      await service?.close();
    });

    const logIn = async (email: string, password: string) =>
      service.rest('POST', '/login/', { json: { email, password } });

    test('a person without an address is refused with a remedy, and the others move', async () => {
      expect(result.code).toBe(1);
      const report = readFileSync(join(django.directory, 'report.jsonl'), 'utf8')
        .trim()
        .split('\n');
      const refused = report
        .map((line) => JSON.parse(line))
        .filter((it) => it.outcome === 'refused');
      expect(refused).toEqual([
        {
          line: 2,
          externalId: '2',
          email: expect.toSatisfy((value) => value === null || value === ''),
          outcome: 'refused',
          field: 'email',
          reason: 'The person has no address.',
          remedy: expect.stringMatching(/\w/),
        },
      ]);
      const rows = await service.database.query<{ email: string }>(
        'select email from users order by email',
      );
      expect(rows.map(({ email }) => email)).toEqual([
        'ida@example.net',
        'joe@example.net',
        'reader@example.net',
      ]);
    });

    test('people log in here by username as they did there, and by address', async () => {
      const address = `http://127.0.0.1:${await django.serve()}`;
      for (const username of ['ida', 'joe@example.net', 'reader']) {
        const { status } = await fetch(`${address}/auth/login/`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ email: username, password: passwordOf(username) }),
        });
        expect([username, status]).toEqual([username, 200]);
        expect([username, (await logIn(username, passwordOf(username))).status]).toEqual([
          username,
          200,
        ]);
      }
      expect((await logIn('ida@example.net', passwordOf('ida'))).status).toBe(200);
      expect((await logIn('ida', passwordOf('reader'))).status).toBe(401);
    });

    test('a permission keeps the name of its application, which gives no right here', async () => {
      const { body } = await logIn('reader', passwordOf('reader'));
      const token = body.data.access_token;
      const has = async (permission: string) =>
        (await service.rest('GET', `/profile/has_permission/${permission}/`, { token })).body.data;
      expect(await has('auth.view_user')).toEqual({ has_permission: true });
      expect(await has('users.view_user')).toEqual({ has_permission: false });
    });
  },
);
