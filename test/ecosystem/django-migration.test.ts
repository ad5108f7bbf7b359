/**
 * docs/migrating-from-django.md from the first command to the way back, as an operator executes it, with the Django of
 * Debian. Without it the tests are skipped.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { environmentOf } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createDjango, type Django, hasDjango } from '../support/django.ts';
import { djangoPeople, passwordOf, weakHashers } from '../support/django-people.ts';
import { factsOf } from '../support/mail-server.ts';
import { goodPassword } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';
import { grantedTo } from '../support/user-rows.ts';

const blocks = blocksOf('docs/migrating-from-django.md');

function block(info: string): string {
  const [found, ...others] = blocks.filter((each) => each.info === info);
  if (!found || others.length > 0) throw new Error(`not one block ${info}`);
  return found.text;
}

const rehearsalUrl = 'postgresql://gatehouse:password@db.example.com:5432/gatehouse_rehearsal';
const weak = weakHashers.map((hasher) => `${hasher.replaceAll('_', '-')}@example.net`);

describe.skipIf(!hasDjango())('people of a Django service move', { timeout: 120_000 }, () => {
  let django: Django;
  let service: TestService;
  let rehearsal: TestDatabase;
  let djangoAddress: string;

  beforeAll(async () => {
    service = await startService();
    rehearsal = await createTestDatabase();
    django = await createDjango(djangoPeople);
    djangoAddress = `http://127.0.0.1:${await django.serve()}`;
  }, 120_000);
  afterAll(async () => {
    await django?.[Symbol.asyncDispose]();
    await rehearsal?.drop();
    await service?.close();
  });

  /** Executes a block of the guide, which has to succeed, and returns its output. */
  const run = async (info: string, database: Pick<TestDatabase, 'url'> = service.database) => {
    const script = block(info).replaceAll(rehearsalUrl, database.url);
    const { code, stdout, stderr } = await django.shell(script, environmentOf(database));
    expect([info, code, stderr]).toEqual([info, 0, stderr]);
    return stdout + stderr;
  };

  const save = (name: string) => {
    writeFileSync(join(django.directory, name), block(`python ${name}`));
  };

  const reportLines = (name: 'dry-run' | 'rehearsal') =>
    readFileSync(join(django.directory, `${name}.jsonl`), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line): Record<string, unknown> => JSON.parse(line));

  /** The primary key of a person in the dump. */
  const keyOf = (email: string): unknown =>
    JSON.parse(readFileSync(join(django.directory, 'people.json'), 'utf8')).find(
      ({ fields }: { fields: { email?: string } }) => fields.email === email,
    ).pk;

  const logInAtDjango = async (email: string, password: string) => {
    const response = await fetch(`${djangoAddress}/auth/login/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    });
    return response.status;
  };

  const logIn = async (email: string, password: string) =>
    (await service.rest('POST', '/login/', { json: { email, password } })).status;

  const sessionOf = async (email: string, password: string) => {
    const { body } = await service.rest('POST', '/login/', { json: { email, password } });
    return { token: String(body.data.access_token) };
  };

  const hashOf = async (email: string) => {
    const [row] = await service.database.query<{ password_hash: string }>(
      'select password_hash from password_hashes join users on id = user_id where email = lower($1)',
      [email],
    );
    return row?.password_hash;
  };

  /** The present addresses of people with a password, and their passwords. */
  const people = djangoPeople.people
    .filter(({ password }) => password !== undefined)
    .map(({ email, password = '', is_active }) => ({
      email: email.replace('MARIE@', 'marie.curie@').replace('zoë@', 'zoe@'),
      password,
      is_active,
    }));
  const active = people.filter(
    ({ email, is_active }) => is_active && !/^(sleeping|away)@/.test(email),
  );

  test('find.py finds the addresses that cannot move, and fix.py corrects them', async () => {
    for (const name of ['find.py', 'fix.py']) save(name);
    const found = await run('sh find');
    expect(found.trim().split('\n')).toEqual([
      expect.stringMatching(/^same address: .*'marie@example\.net'.*'MARIE@example\.net'/),
      expect.stringMatching(/^not a valid address: \d+ zoë@example\.net$/),
    ]);
    await run('sh fix');
    expect(await run('sh find')).toBe('');
  });

  test('only its owner can read the dump, which has no one-time password', async () => {
    await run('sh dump');
    const file = join(django.directory, 'people.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const dump = readFileSync(file, 'utf8');
    expect(dump).toContain('pbkdf2_sha256$260000$');
    expect(dump).not.toContain('A1B2C3');
  });

  test('the dry run of the rehearsal reports each person that does not move, and writes nothing', async () => {
    await run('sh rehearse', rehearsal);
    const refused = reportLines('dry-run').filter(({ outcome }) => outcome === 'refused');
    expect(refused.map(({ email }) => email).sort()).toEqual(
      [...weak, 'sleeping@example.net'].sort(),
    );
    for (const { reason, remedy } of refused)
      expect([reason, remedy]).toEqual([
        expect.any(String),
        expect.stringContaining('--allow-weak-hashes'),
      ]);
    expect(statSync(join(django.directory, 'dry-run.jsonl')).mode & 0o777).toBe(0o600);
    expect(await rehearsal.query('select id from users')).toEqual([]);
  });

  test('the import of the rehearsal reports what it changed', async () => {
    const output = await run('sh import', rehearsal);
    expect(output).toContain('marie@example.net');
    expect(output).toContain('boss@example.net');
    const changed = reportLines('rehearsal').filter(({ outcome }) => outcome === 'changed');
    expect(changed.map(({ email, outcome, field }) => [email, outcome, field])).toEqual([
      ['zoe@example.net', 'changed', 'lastName'],
      ['two-words@example.net', 'changed', 'username'],
    ]);
  });

  test('accounts that were never confirmed are pending, and disabled ones are disabled', async () => {
    save('pending.py');
    await run('sh pending');
    const rows = await service.database.query(
      "select email, status from users where status <> 'ACTIVE' order by email",
    );
    expect(rows).toEqual([
      { email: 'left@example.net', status: 'DISABLED' },
      { email: 'unconfirmed@example.net', status: 'PENDING' },
    ]);
  });

  test('every person that could log in there logs in here with the same password, and twice', async () => {
    expect(active.length).toBeGreaterThan(14);
    for (const { email, password } of active) {
      expect([email, await logInAtDjango(email, password)]).toEqual([email, 200]);
      expect([email, await logIn(email, password)]).toEqual([email, 200]);
      expect([email, await hashOf(email)]).toEqual([email, expect.stringMatching(/^\$argon2id\$/)]);
      expect([email, await logIn(email, password)]).toEqual([email, 200]);
    }
    expect(await logIn('marie', passwordOf('marie'))).toBe(200);
  });

  test('a person that could not log in there cannot log in here', async () => {
    const inactive = people.filter((each) => !each.is_active);
    expect(inactive).toHaveLength(2);
    for (const { email, password } of inactive) {
      expect(await logInAtDjango(email, password)).toBe(401);
      expect(await logIn(email, password)).toBe(401);
    }
    expect(await logIn('marie@example.net', passwordOf('grace'))).toBe(401);
  });

  test('rights, the primary key and other columns have moved, and no mail was sent', async () => {
    const { token } = await sessionOf('marie@example.net', passwordOf('marie'));
    const permission = (name: string) =>
      service.rest('GET', `/profile/has_permission/${name}/`, { token });
    for (const name of ['shop.view_order', 'users.view_user', 'shop.refund_order'])
      expect([name, (await permission(name)).body.data.has_permission]).toEqual([name, true]);
    expect((await permission('shop.delete_order')).body.data.has_permission).toBe(false);
    const [row] = await service.database.query(
      `select external_id, metadata, username, last_login_at is not null as "hasLoggedIn"
       from users where email = 'marie@example.net'`,
    );
    expect(row).toEqual({
      external_id: String(keyOf('marie@example.net')),
      metadata: { phone: '+33 1 23 45' },
      username: 'marie',
      hasLoggedIn: true,
    });
    expect(
      await service.database.query('select name, description from groups order by name'),
    ).toContainEqual({ name: 'Editors', description: 'Write articles' });
    expect(service.mail.mails.filter(({ to }) => to.endsWith('@example.net'))).toEqual([]);
  });

  test('an application finds a person by the primary key of Django, and superusers are in Root', async () => {
    const { token } = await sessionOf('boss@example.net', passwordOf('boss'));
    const pk = keyOf('marie@example.net');
    const found = await service.rest('GET', `/admin/users/?external_id=${pk}`, { token });
    expect(found.body.data).toMatchObject([{ email: 'marie@example.net', external_id: `${pk}` }]);
    const root = await service.rest('GET', '/profile/has_group/Root/', { token });
    expect(root.body.data).toEqual({ has_group: true });
  });

  test('people without a password, and those who are pending, get in by mail', async () => {
    const [nobody, unconfirmed] = ['no-password@example.net', 'unconfirmed@example.net'];
    await service.rest('POST', '/password/request_change/', { json: { email: nobody } });
    const [reset] = await service.mail.waitFor(nobody);
    const [uidb64, token] = [factsOf(reset, 'Uid')[0], factsOf(reset, 'Token')[0]];
    const json = { uidb64, token, password: goodPassword, password2: goodPassword };
    expect((await service.rest('PUT', '/password/reset/', { json })).status).toBe(200);
    expect(await logIn(nobody, goodPassword)).toBe(200);

    const resend = { json: { email: unconfirmed } };
    await service.rest('POST', '/register/resend_email_verify/', resend);
    const [mail] = await service.mail.waitFor(unconfirmed);
    const [code] = factsOf(mail, 'Code');
    expect((await service.rest('GET', `/register/verify?code=${code}`)).status).toBe(200);
    expect(await logIn(unconfirmed, passwordOf('unconfirmed'))).toBe(200);
  });

  test('the query of the guide counts the hashes that no login has replaced', async () => {
    const counts = await service.database.query(block('sql hashes'));
    // One of the two inactive people has logged in meanwhile. Two active people have not logged in.
    expect(counts).toEqual([{ old_hashes: '3', all_hashes: String(people.length + 1) }]);
  });

  test('another import changes the accounts that have changed at Django, but no password that was used here', async () => {
    const change = `
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
people = get_user_model().objects
people.filter(email__in=["away@example.net", "bcrypt@example.net"]).update(password=make_password("Lantern-Meadow-17"))
people.filter(email="staff@example.net").update(is_active=False)
people.filter(email="left@example.net").update(password=make_password(None))
people.filter(email="argon2@example.net").update(first_name="Ada")
people.get(email="marie@example.net").groups.clear()
people.get(email="marie@example.net").user_permissions.clear()
people.bulk_create([people.model(email="late@example.net", is_active=True, password=make_password("Lantern-Meadow-18"))])
`;
    await django.shell(`python manage.py shell <<'END'${change}END`);
    await run('sh dump');
    expect(await hashOf('left@example.net')).toBeDefined();
    await run('sh again');
    expect(await hashOf('left@example.net')).toBeUndefined();
    expect(await logIn('away@example.net', passwordOf('away'))).toBe(401);
    expect(await logIn('away@example.net', 'Lantern-Meadow-17')).toBe(200);
    // This person has logged in here, so the password of here is newer.
    expect(await logIn('bcrypt@example.net', passwordOf('bcrypt'))).toBe(200);
    expect(await logIn('late@example.net', 'Lantern-Meadow-18')).toBe(200);
    expect(await logIn('staff@example.net', passwordOf('staff'))).toBe(401);
    const marie = await service.database.query<{ id: string }>(
      "select id from users where email = 'marie@example.net'",
    );
    expect(await grantedTo(service, marie[0]?.id ?? '')).toEqual([]);
    const { token } = await sessionOf('argon2@example.net', passwordOf('argon2'));
    const { body } = await service.rest('GET', '/profile/view/', { token });
    expect(body.data.full_name).toBe('Ada argon2');
  });

  test('the queries of the guide list the ids and remove hashes that a login did not replace for a year', async () => {
    const ids = await service.database.query<{ external_id: string; id: string }>(block('sql ids'));
    expect(ids).toHaveLength(djangoPeople.people.length + 1);
    await service.database.query(
      "update users set created_at = '2020-01-01', last_login_at = null where email in ('sleeping@example.net', 'md5@example.net')",
    );
    await service.database.query(block('sql remove'));
    expect(await hashOf('sleeping@example.net')).toBeUndefined();
    expect(await hashOf('md5@example.net')).toBeDefined();
    expect(await logIn('sleeping@example.net', passwordOf('sleeping'))).toBe(401);
  });
});
