/** Administrators list, confirm and delete registrations, and send invitations again. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operatorContext } from '../../../src/cli/context.ts';
import { administrationOf } from '../../support/administration.ts';
import { type Administrator, staff, superuser } from '../../support/administrators.ts';
import { factOf } from '../../support/mail-server.ts';
import {
  newAddress,
  pendingAccount,
  pendingRegistration,
  register,
  somebody,
  tryLogin,
  verify,
} from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';
import { rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;
let sam: Administrator;
beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
  sam = await staff(service, ['users.view_user', 'users.change_user', 'users.add_user']);
});
afterAll(() => service.close());

const { createUser, confirmRegistration, deleteRegistration, resendInvitation, resetPassword } =
  administrationOf(() => service);

const invalidCode = { __typename: 'Problem', code: 'INVALID_CODE' };
const loggedIn = { __typename: 'TokenPair' };

async function idOf(email: string): Promise<string> {
  const [row] = await service.database.query<{ id: string }>(
    'select id from registrations where email = $1 order by created_at',
    [email],
  );
  if (!row) throw new Error('no registration');
  return row.id;
}

const actionsOn = async (targetId: string) => {
  const { audit, unitOfWork } = service.app;
  const list = { filter: { targetId }, limit: 10_000 };
  const { entries } = await unitOfWork.withEntityManager(() =>
    audit.entries.tail(list, operatorContext()),
  );
  return entries.map(({ action, actorId }) => [action, actorId]);
};

describe('pending registrations', () => {
  test('are listed, newest first, without secrets', async () => {
    const [older, newer] = [await register(service), await register(service)];
    const { data } = await service.graphql(
      `{ registrations(first: 2) { totalCount nodes { id email firstName lastName createdAt expiresAt } } }`,
      {},
      sam.accessToken,
    );
    const { nodes, totalCount } = data.registrations;
    expect(nodes.map(({ email }: { email: string }) => email)).toEqual([newer.email, older.email]);
    expect(nodes[0]).toMatchObject({ firstName: 'Ada', lastName: 'Lovelace' });
    expect(totalCount).toBeGreaterThanOrEqual(2);
    const list = await service.rest('GET', '/admin/registrations/?limit=1', {
      token: sam.accessToken,
    });
    expect(list.body.data).toMatchObject([{ email: newer.email, first_name: 'Ada' }]);
    expect(list.headers.get('link')).toContain('rel="next"');
    expect(list.text).not.toContain('argon2');
  });

  test('become accounts without their code, which verifies the address later', async () => {
    const { email, code } = await register(service);
    const other = await register(service, {
      email,
      firstName: 'Eve',
      password: 'another password',
    });
    const registrationId = await idOf(email);
    expect((await confirmRegistration(sam, registrationId)).outcome).toBe('done');
    const [{ id = '' } = {}] = await service.database.query<{ id: string }>(
      'select id from users where email = $1',
      [email],
    );
    expect(await rowOf(service, id)).toMatchObject({
      email,
      status: 'ACTIVE',
      is_staff: false,
      email_verified_at: null,
    });
    expect(await tryLogin(service, email)).toMatchObject(loggedIn);
    expect(await verify(service, other.code)).toEqual(invalidCode);
    expect((await confirmRegistration(sam, registrationId)).outcome).toBe('NOT_FOUND');
    expect(await verify(service, code)).toMatchObject({ __typename: 'Acknowledgement' });
    expect((await rowOf(service, id))?.email_verified_at).toBeInstanceOf(Date);
    expect(await verify(service, code)).toEqual(invalidCode);
    expect(await actionsOn(id)).toEqual(
      expect.arrayContaining([
        ['user-created', sam.userId],
        ['registration-confirmed', sam.userId],
      ]),
    );
  });

  test('of 16 parallel confirmations by administrators and owners exactly one creates the account', async () => {
    const { email, code } = await register(service);
    const id = await idOf(email);
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, async (_, index) =>
        index % 2 === 0
          ? (await confirmRegistration(root, id)).outcome
          : ((await verify(service, code)).code ?? 'done'),
      ),
    );
    const rows = await service.database.query('select 1 from users where email = $1', [email]);
    expect(rows).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'done').length).toBeGreaterThanOrEqual(1);
    expect(new Set(outcomes)).not.toContain('INTERNAL');
  });

  test('are deleted together with their codes', async () => {
    const { email, code } = await register(service);
    const id = await idOf(email);
    expect((await deleteRegistration(sam, id)).outcome).toBe('done');
    expect(await verify(service, code)).toEqual(invalidCode);
    expect((await deleteRegistration(sam, id)).outcome).toBe('NOT_FOUND');
    expect((await deleteRegistration(sam, 'nonsense')).outcome).toBe('NOT_FOUND');
    expect(await actionsOn(id)).toEqual([['registration-deleted', sam.userId]]);
  });

  test('are neither confirmed nor deleted by staff with only the view permission', async () => {
    const viewer = await staff(service, ['users.view_user']);
    const id = await pendingRegistration(service);
    expect((await confirmRegistration(viewer, id)).outcome).toBe('FORBIDDEN');
    expect((await deleteRegistration(viewer, id)).outcome).toBe('FORBIDDEN');
  });
});

describe('resendInvitation', () => {
  test('mails a new invitation immediately, and the earlier one becomes invalid', async () => {
    const email = newAddress();
    const { id } = await createUser(sam, { email });
    for (let round = 0; round < 3; round += 1) {
      expect((await resendInvitation(sam, id)).outcome).toBe('done');
      await quiet(service);
    }
    const mails = service.mail.mails.filter(({ to }) => to === email);
    expect(mails).toHaveLength(4);
    const linkOf = (mail: (typeof mails)[number] | undefined) => ({
      uid: factOf(mail, 'Uid'),
      token: factOf(mail, 'Token'),
      password: 'my very own passphrase',
    });
    expect((await resetPassword(root, linkOf(mails[0]))).outcome).toBe('INVALID_TOKEN');
    expect((await resetPassword(root, linkOf(mails.at(-1)))).outcome).toBe('done');
    expect(await tryLogin(service, email, 'my very own passphrase')).toMatchObject(loggedIn);
  });

  test('mails the verification code of an account with a password', async () => {
    const { email, code, userId } = await pendingAccount(service);
    expect((await resendInvitation(sam, userId)).outcome).toBe('done');
    const mails = await service.mail.waitFor(email, 2);
    expect(await verify(service, code)).toEqual(invalidCode);
    const fresh = factOf(mails.at(-1), 'Code');
    expect(await verify(service, fresh)).toMatchObject({ __typename: 'Acknowledgement' });
  });

  test.each(['ACTIVE', 'DISABLED'])(
    'rejects an account that is %s, with the reason',
    async (status) => {
      const { userId, email } = await somebody(service);
      await service.database.query(
        'update users set status = $1, email_verified_at = now() where id = $2',
        [status, userId],
      );
      const response = await service.rest('POST', `/admin/users/${userId}/invite/`, {
        token: sam.accessToken,
      });
      expect(response.status).toBe(400);
      expect(response.body.data).toMatchObject({
        code: 'VALIDATION_FAILED',
        fields: [{ message: expect.stringMatching(/confirmed already|disabled/) }],
      });
      await quiet(service);
      expect(service.mail.mails.filter(({ to }) => to === email)).toEqual([]);
    },
  );
});
