/**
 * The way back of docs/migrating-from-django.md: `deploy/django/import_gatehouse.py` brings the Django of Debian to the
 * state of Gatehouse. Without it the tests are skipped.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { environmentOf } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createDjango, type Django, type DjangoAccount, hasDjango } from '../support/django.ts';
import { djangoPeople, passwordOf } from '../support/django-people.ts';
import { goodPassword, person } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

const command = fileURLToPath(new URL('../../deploy/django/import_gatehouse.py', import.meta.url));
const newPassword = 'Lantern-Meadow-17';
const accounts = djangoPeople.people.filter(({ email }) => /^[a-z0-9-]+@/.test(email));

/** Gatehouse has the address with an ASCII domain. */
const ownSpelling: DjangoAccount = { email: 'user@münchen.example', is_active: true };

/** A receiver of signals that fails during the command, in place of the one that mails a notice at each save. */
const receivers = `
import sys
from django.db.models.signals import post_save
from django.dispatch import receiver
from .models import User

@receiver(post_save, sender=User)
def notify(**kwargs):
    if "import_gatehouse" in sys.argv:
        raise RuntimeError("a mail is sent")
`;

describe.skipIf(!hasDjango())(
  'people of Gatehouse move back to Django',
  { timeout: 120_000 },
  () => {
    let django: Django;
    let service: TestService;
    let address: string;

    beforeAll(async () => {
      service = await startService();
      django = await createDjango({ ...djangoPeople, people: [...accounts, ownSpelling] });
      const commands = join(django.directory, 'users/management/commands');
      mkdirSync(commands, { recursive: true });
      cpSync(command, join(commands, 'import_gatehouse.py'));
      await run('sh dump');
      await run('sh again');
      const models = join(django.directory, 'users/models.py');
      writeFileSync(join(django.directory, 'users/receivers.py'), receivers);
      writeFileSync(models, 'from . import receivers  # noqa\n', { flag: 'a' });
    }, 120_000);
    afterAll(async () => {
      await django?.[Symbol.asyncDispose]();
      await service?.close();
    });

    const environment = () => environmentOf(service.database);
    const execute = (script: string) => django.shell(script, environment());

    /** Executes a block of the guide, which has to succeed. */
    const run = async (info: string) => {
      const text = blocksOf('docs/migrating-from-django.md').find(
        (each) => each.info === info,
      )?.text;
      const result = await execute(text ?? 'exit 1');
      expect([info, result.code, result.stderr]).toEqual([info, 0, result.stderr]);
      return { counts: result.stdout, notes: result.stderr };
    };

    const logInAtDjango = async (email: string, password: string) => {
      const response = await fetch(`${address}/auth/login/`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, password }),
      });
      return response.status;
    };

    const logIn = async (email: string, password: string) => {
      const { body } = await service.rest('POST', '/login/', { json: { email, password } });
      return String(body.data.access_token);
    };

    test('the changes of Gatehouse arrive at Django without a signal, and only once', async () => {
      const token = await logIn('marie@example.net', passwordOf('marie'));
      await service.graphql(
        `mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }`,
        { input: { currentPassword: passwordOf('marie'), newPassword } },
        token,
      );
      await person(service, { email: 'ida@example.net', firstName: 'Ida' });
      for (const line of [
        'users disable staff@example.net --yes',
        'groups create Readers',
        'users grant bcrypt@example.net --group Readers',
        'users grant bcrypt@example.net --permission shop.view_order',
        'users update argon2@example.net --first-name Augusta',
      ]) {
        const { code, stderr } = await runCommand(line.split(' '), { environment: environment() });
        expect([line, code, stderr]).toEqual([line, 0, '']);
      }
      const first = await run('sh back');
      expect(JSON.parse(first.counts.trim().split('\n').at(-1) ?? '')).toEqual({
        created: 1,
        changed: expect.any(Number),
        unchanged: expect.any(Number),
        refused: 0,
      });
      const second = await run('sh back');
      expect(JSON.parse(second.counts.trim().split('\n').at(-1) ?? '')).toEqual({
        created: 0,
        changed: 0,
        unchanged: accounts.length + 2,
        refused: 0,
      });
    });

    test('everybody logs in at Django with the present password', async () => {
      address = `http://127.0.0.1:${await django.serve()}`;
      const isUnchanged = ({ email, is_active, password }: DjangoAccount) =>
        is_active && password !== undefined && !/^(marie|staff)@/.test(email);
      const unchanged = accounts.filter(isUnchanged);
      expect(unchanged.length).toBeGreaterThan(11);
      for (const { email, password = '' } of unchanged)
        expect([email, await logInAtDjango(email, password)]).toEqual([email, 200]);
      expect(await logInAtDjango('marie@example.net', newPassword)).toBe(200);
      expect(await logInAtDjango('ida@example.net', goodPassword)).toBe(200);
    });

    test('an old password and a disabled account are refused at Django', async () => {
      expect(await logInAtDjango('marie@example.net', passwordOf('marie'))).toBe(401);
      expect(await logInAtDjango('staff@example.net', passwordOf('staff'))).toBe(401);
      expect(await logInAtDjango('left@example.net', passwordOf('left'))).toBe(401);
    });

    test('names, groups and permissions are those of Gatehouse, and orders still belong to the same person', async () => {
      const { stdout } = await execute(`python manage.py shell <<'END'
import json
from django.contrib.auth import get_user_model
from shop.models import Order
people = get_user_model().objects
bcrypt = people.get(email="bcrypt@example.net")
print(json.dumps([
    people.get(email="argon2@example.net").first_name,
    [group.name for group in bcrypt.groups.all()],
    sorted(bcrypt.get_user_permissions()),
    people.get(email="boss@example.net").is_superuser,
    people.get(email="two-words@example.net").username,
    Order.objects.get(item="lamp").user.email,
    people.filter(email__startswith="user@").values_list("email", flat=True)[0].encode("unicode_escape").decode(),
]))
END`);
      expect(JSON.parse(stdout)).toEqual([
        'Augusta',
        ['Readers'],
        ['shop.view_order'],
        true,
        'two words',
        'marie@example.net',
        String.raw`user@m\xfcnchen.example`,
      ]);
    });
  },
);
