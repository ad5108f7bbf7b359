/** The erasure of accounts by administrators: who may erase whom, and the data that is left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewEntry } from '../../../src/features/audit/audit.ts';
import { textOf } from '../../leaks/faults.ts';
import { administrationOf, type By } from '../../support/administration.ts';
import {
  type Administrator,
  makeGroup,
  makeUser,
  permissionId,
  setPermissions,
  staff,
  superuser,
} from '../../support/administrators.ts';
import { createKey, createServiceAccount, holds } from '../../support/api-keys.ts';
import { startMailServer } from '../../support/mail-server.ts';
import {
  goodPassword,
  newAddress,
  pendingAccount,
  pendingRegistration,
  person,
  somebody,
  tryLogin,
} from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';
import { isIn, refresh } from '../../support/session-calls.ts';
import { until } from '../../support/until.ts';
import { rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
  root = await superuser(service);
});
afterAll(() => service.close());

const { updateUser, deactivateUser, eraseUser } = administrationOf(() => service);

const exists = async (id: string) => (await rowOf(service, id)) !== undefined;

/** Tries to erase, and checks that the account is gone exactly after `done`. */
async function outcomeOfErasing(by: By, id: string): Promise<string> {
  const { outcome } = await eraseUser(by, id);
  expect(await exists(id)).toBe(outcome !== 'done');
  return outcome;
}

describe('the right to erase', () => {
  test('a user and the personal data are gone, and the owner gets a mail', async () => {
    const { userId, email } = await somebody(service);
    const document = `mutation ($id: ID!) { eraseUser(id: $id) {
      __typename ... on Deletion { deletedId message } ... on Problem { code } } }`;
    const call = () => service.graphql(document, { id: userId.toUpperCase() }, root.accessToken);
    expect((await call()).data.eraseUser).toEqual({
      __typename: 'Deletion',
      deletedId: userId,
      message: 'The user is erased.',
    });
    expect((await call()).data.eraseUser).toEqual({ __typename: 'Problem', code: 'NOT_FOUND' });
    const [mail] = await service.mail.waitFor(email);
    expect(mail?.subject).toBe('Your account at Gatehouse was erased');
    expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });

  test('an unknown id and nonsense are NOT_FOUND', async () => {
    for (const id of ['01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9', 'nonsense', '']) {
      expect((await eraseUser(root, id)).outcome).toBe('NOT_FOUND');
    }
  });

  test('staff need users.erase_user and every permission of the account', async () => {
    const sam = await staff(service, ['users.change_user', 'users.delete_user']);
    const target = await makeUser(service);
    expect(await outcomeOfErasing(sam, target)).toBe('FORBIDDEN');
    await setPermissions(service, sam.userId, ['users.erase_user']);
    await setPermissions(service, target, ['shop.sell']);
    expect(await outcomeOfErasing(sam, target)).toBe('FORBIDDEN');
    const group = await makeGroup(service, ['shop.refund']);
    await service.database.query('insert into user_groups values ($1, $2)', [target, group]);
    await setPermissions(service, sam.userId, ['users.erase_user', 'shop.sell']);
    expect(await outcomeOfErasing(sam, target)).toBe('FORBIDDEN');
    await setPermissions(service, sam.userId, ['users.erase_user', 'shop.*']);
    expect(await outcomeOfErasing(sam, target)).toBe('done');
  });

  test('staff erase another staff member only with users.change_user too', async () => {
    const sam = await staff(service, ['users.erase_user']);
    const other = await makeUser(service, { isStaff: true });
    expect(await outcomeOfErasing(sam, other)).toBe('FORBIDDEN');
    await setPermissions(service, sam.userId, ['users.erase_user', 'users.change_user']);
    expect(await outcomeOfErasing(sam, other)).toBe('done');
  });

  test('only superusers erase a superuser', async () => {
    const sam = await staff(service, ['*']);
    const other = await makeUser(service, { isSuperuser: true });
    expect(await outcomeOfErasing(sam, other)).toBe('FORBIDDEN');
    const { secret } = await createKey(service, root.accessToken, {
      permissions: ['users.erase_user'],
    });
    expect(await outcomeOfErasing({ accessToken: secret }, other)).toBe('FORBIDDEN');
    expect(await outcomeOfErasing(root, other)).toBe('done');
  });

  test('nobody erases the own account here, also not by an API key', async () => {
    const sam = await staff(service, ['*']);
    for (const own of [sam, root]) {
      expect(await outcomeOfErasing(own, own.userId)).toBe('FORBIDDEN');
      const { secret } = await createKey(service, own.accessToken);
      expect(await outcomeOfErasing({ accessToken: secret }, own.userId)).toBe('FORBIDDEN');
    }
  });

  test('a service account erases by its permissions', async () => {
    const robot = await createServiceAccount(service, root.accessToken);
    const { secret } = await createKey(service, root.accessToken, { serviceAccountId: robot.id });
    const target = await makeUser(service);
    expect(await outcomeOfErasing({ accessToken: secret }, target)).toBe('FORBIDDEN');
    await service.database.query('insert into service_account_permissions values ($1, $2)', [
      robot.id,
      await permissionId(service, 'users.erase_user'),
    ]);
    expect(await outcomeOfErasing({ accessToken: secret }, target)).toBe('done');
  });

  test('accounts of every status are erased', async () => {
    const pending = (await pendingAccount(service)).userId;
    const disabled = await makeUser(service);
    await deactivateUser(root, disabled);
    expect(await outcomeOfErasing(root, pending)).toBe('done');
    expect(await outcomeOfErasing(root, disabled)).toBe('done');
  });
});

describe('DELETE admin/users/<id>/', () => {
  const remove = async (id: string, query: string) =>
    service.rest('DELETE', `/admin/users/${id}/${query}`, { token: root.accessToken });

  test.each(['?erase=true', '?erase=TRUE'])('%s erases', async (query) => {
    const id = await makeUser(service);
    expect(await remove(id, query)).toMatchObject({ status: 204, text: '' });
    expect(await exists(id)).toBe(false);
    expect((await remove(id, query)).status).toBe(404);
  });

  test.each(['', '?erase=false', '?eras=true', '?erase[]=true'])('%s disables', async (query) => {
    const id = await makeUser(service);
    expect((await remove(id, query)).status).toBe(204);
    expect(await rowOf(service, id)).toMatchObject({ status: 'DISABLED' });
  });

  test.each(['?erase', '?erase=', '?erase=1', '?erase=yes', '?erase=true&erase=false'])(
    '%s is refused, and the account stays as it is',
    async (query) => {
      const id = await makeUser(service);
      const { status, body } = await remove(id, query);
      expect(status).toBe(400);
      expect(body.data.fields).toEqual([{ path: 'erase', message: 'Must be true or false.' }]);
      expect(await rowOf(service, id)).toMatchObject({ status: 'ACTIVE' });
    },
  );

  test('a body does not erase', async () => {
    const id = await makeUser(service);
    const json = { erase: true };
    const { status } = await service.rest('DELETE', `/admin/users/${id}/`, {
      token: root.accessToken,
      json,
    });
    expect(status).toBe(400);
    expect(await rowOf(service, id)).toMatchObject({ status: 'ACTIVE' });
  });
});

describe('the data of the person', () => {
  const marks = (word: string) => ({
    firstName: `First${word}`,
    lastName: `Last${word}`,
    username: `user-${word}`,
  });

  test('is in no table and no queued job, also after failed attempts and with a pending registration', async () => {
    const word = 'quokka';
    const own = await person(service, { ...marks(word), email: `quokka@${word}.example.com` });
    const { email, userId, accessToken, refreshToken } = own;
    await tryLogin(service, email, 'a wrong guess');
    await createKey(service, accessToken, { name: `Laptop of ${word}` });
    await service.rest('PUT', '/profile/update/', {
      token: accessToken,
      json: { first_name: `Other${word}` },
    });
    await service.rest('POST', '/password/request_change/', { json: { email } });
    await service.graphql(
      'mutation ($input: ChangeEmailInput!) { changeEmail(input: $input) { __typename } }',
      { input: { newEmail: `new-${word}@example.com`, password: goodPassword } },
      accessToken,
    );
    await updateUser(root, userId, { lastName: `Third${word}` });
    await service.mail.waitFor(`new-${word}@example.com`);
    await quiet(service);
    await pendingRegistration(service, { email, firstName: `Reg${word}` });
    expect(await textOf(service.database)).toContain(word);
    expect((await eraseUser(root, userId)).outcome).toBe('done');
    await service.mail.waitFor(email, 1);
    await quiet(service);
    const lines = (await textOf(service.database)).split('\n');
    expect(lines.filter((line) => line.toLowerCase().includes(word))).toEqual([]);
    // Audit entries keep the opaque id.
    const tables = new Set(
      lines.filter((line) => line.includes(userId)).map((line) => line.split(' ')[0]),
    );
    expect([...tables]).toEqual(['public.audit_entries']);
    expect(await isIn(service, accessToken)).toBe(false);
    expect(await refresh(service, refreshToken)).toBeUndefined();
  });

  test('is unreadable in the audit log, which verifies, and the erasure has its actor', async () => {
    const ada = await person(service, marks('wombat'));
    const { secret } = await createKey(service, ada.accessToken, { name: 'Laptop of a wombat' });
    await service.database.query('update users set is_superuser = true where id = $1', [
      ada.userId,
    ]);
    const other = await makeUser(service);
    await service.rest('PATCH', `/admin/users/${other}/`, {
      token: ada.accessToken,
      json: { first_name: 'Grace' },
      headers: { 'user-agent': 'browser-of-a-wombat' },
    });
    // Another administrator revokes the key: the entry has its name.
    const { data: keys } = await service.graphql('{ me { apiKeys { id } } }', {}, ada.accessToken);
    await service.graphql(
      'mutation ($id: ID!) { revokeApiKey(id: $id) { __typename } }',
      { id: keys.me.apiKeys[0].id },
      root.accessToken,
    );
    expect(await holds(service, secret, 'shop.sell')).toBe('refused');
    const entriesOf = async () =>
      JSON.stringify(
        (
          await service.graphql(
            `{ auditEntries(first: 100) { nodes {
              action actorKind actorId targetId before after ipAddress userAgent } } }`,
            {},
            root.accessToken,
          )
        ).data.auditEntries.nodes,
      );
    expect((await entriesOf()).match(/wombat/g)?.length).toBeGreaterThan(3);
    expect((await eraseUser(root, ada.userId)).outcome).toBe('done');
    const text = await entriesOf();
    expect(text).not.toContain('wombat');
    expect(text).not.toContain(ada.email);
    expect(JSON.parse(text)[0]).toMatchObject({
      action: 'user-erased',
      actorKind: 'user',
      actorId: root.userId,
      targetId: ada.userId,
      before: null,
      after: null,
      ipAddress: '127.0.0.1',
    });
    const keysLeft = await service.database.query(
      'select from audit_subject_keys where subject_id = $1',
      [ada.userId],
    );
    expect(keysLeft).toEqual([]);
    const verified = await service.app.unitOfWork.withEntityManager(() =>
      service.app.audit.verifier.verify(undefined),
    );
    expect(verified).toMatchObject({ faults: [] });
  });

  test('a denied erasure is in the audit log', async () => {
    const sam = await staff(service);
    await eraseUser(sam, await makeUser(service));
    const { data } = await service.graphql(
      `query ($id: ID!) { auditEntries(filter: { actorId: $id, isRefused: true }) {
        nodes { action code targetId } } }`,
      { id: sam.userId },
      root.accessToken,
    );
    expect(data.auditEntries.nodes).toEqual([
      { action: 'eraseUser', code: 'FORBIDDEN', targetId: null },
    ]);
  });

  test('is in no mail that waits for the mail server, except the notice of the erasure', async () => {
    const mail = await startMailServer({
      onRcptTo: (_address, _session, done) =>
        done(Object.assign(new Error('later'), { responseCode: 451 })),
    });
    await using away = await startService({ mail });
    const chief = await superuser(away);
    const email = newAddress();
    await away.rest('POST', '/register/', {
      json: { email, first_name: 'Ada', last_name: 'Lovelace', password: goodPassword },
    });
    const queued = () =>
      away.database.query<{ mail: string }>(
        `select payload ->> 'mail' as mail from graphile_worker._private_jobs
         where concat(payload, last_error) like '%' || $1 || '%' and last_error is not null`,
        [email],
      );
    await until(async () => (await queued()).length === 1);
    const [registration] = await away.database.query<{ id: string }>(
      'select id from registrations',
    );
    const confirmed = await away.rest('POST', `/admin/registrations/${registration?.id}/confirm/`, {
      token: chief.accessToken,
    });
    expect(confirmed.status).toBeLessThan(300);
    const [owner] = await away.database.query<{ id: string }>(
      'select id from users where email = $1',
      [email],
    );
    const path = `/admin/users/${owner?.id}/?erase=true`;
    expect((await away.rest('DELETE', path, { token: chief.accessToken })).status).toBe(204);
    await until(async () => (await queued()).length === 1);
    expect(await queued()).toEqual([{ mail: 'account-erased' }]);
    await mail.close();
  });
});

describe('at the same time', () => {
  test('sessions and API keys end at once, on every replica', async () => {
    await using replica = await startService({ database: service.database, mail: service.mail });
    const { userId, email, accessToken, refreshToken } = await somebody(service);
    const other = await tryLogin(replica, email);
    const { secret } = await createKey(service, accessToken);
    expect(await isIn(replica, other.accessToken)).toBe(true);
    expect(await holds(replica, secret, 'shop.sell')).toBe(false);
    expect((await eraseUser(root, userId)).outcome).toBe('done');
    await replica.app.changeFeed.waitUntilDelivered();
    for (const at of [service, replica]) {
      expect(await isIn(at, accessToken)).toBe(false);
      expect(await isIn(at, other.accessToken)).toBe(false);
      expect(await holds(at, secret, 'shop.sell')).toBe('refused');
      expect(await refresh(at, refreshToken)).toBeUndefined();
    }
  });

  test('of 16 parallel erasures one succeeds', async () => {
    const { userId, email } = await somebody(service);
    const results = await Promise.all(Array.from({ length: 16 }, () => eraseUser(root, userId)));
    expect(results.map(({ outcome }) => outcome).sort()).toEqual([
      ...Array(15).fill('NOT_FOUND'),
      'done',
    ]);
    await quiet(service);
    expect(service.mail.mails.filter(({ to }) => to === email)).toHaveLength(1);
  });

  test('logins and updates leave nothing of an erased account', async () => {
    const { userId, email, accessToken } = await person(service);
    const [erased, ...others] = await Promise.all([
      eraseUser(root, userId),
      ...Array.from({ length: 8 }, () => tryLogin(service, email)),
      ...Array.from({ length: 4 }, (_, index) =>
        updateUser(root, userId, { firstName: `N${index}` }),
      ),
      ...Array.from({ length: 4 }, () =>
        service.rest('PUT', '/profile/update/', { token: accessToken, json: { first_name: 'A' } }),
      ),
    ]);
    expect(erased.outcome).toBe('done');
    for (const { code, outcome, status } of others) {
      expect(['INVALID_CREDENTIALS', 'NOT_FOUND', 'done', 200, 401, 404, undefined]).toContain(
        code ?? outcome ?? status,
      );
    }
    await quiet(service);
    const lines = (await textOf(service.database)).split('\n');
    expect(lines.filter((line) => line.includes(email))).toEqual([]);
    const tables = new Set(
      lines.filter((line) => line.includes(userId)).map((line) => line.split(' ')[0]),
    );
    expect([...tables]).toEqual(['public.audit_entries']);
  });

  test('an entry about a user without earlier entries leaves no key of an erased account', async () => {
    const id = await makeUser(service);
    const erasing = new Client({ connectionString: service.database.url });
    await erasing.connect();
    await erasing.query('begin');
    await erasing.query('delete from users where id = $1', [id]);
    const { audit, unitOfWork } = service.app;
    const entry = {
      action: 'about-erased',
      target: { type: 'user', id },
      after: { note: 'koala' },
    };
    const appended = Array.from({ length: 16 }, () =>
      unitOfWork.withEntityManager(() => audit.log.append(entry as NewEntry)),
    );
    await Promise.race([Promise.all(appended), sleep(300)]);
    await erasing.query('commit');
    await erasing.end();
    await Promise.all(appended);
    const keys = await service.database.query(
      'select from audit_subject_keys where subject_id = $1',
      [id],
    );
    expect(keys).toEqual([]);
    const { data } = await service.graphql(
      `query ($id: ID!) { auditEntries(filter: { targetId: $id }, first: 100) { nodes { after } } }`,
      { id },
      root.accessToken,
    );
    expect(data.auditEntries.nodes).toEqual(Array(16).fill({ after: null }));
  });

  test('the last active superuser is protected, also when two erase each other', async () => {
    await using lonely = await startService();
    const [one, two] = [await superuser(lonely), await superuser(lonely)];
    const erase = (by: By, id: string) =>
      lonely.rest('DELETE', `/admin/users/${id}/?erase=true`, { token: by.accessToken });
    const statuses = await Promise.all([erase(one, two.userId), erase(two, one.userId)]);
    expect(statuses.map(({ status }) => status).filter((status) => status === 204)).toHaveLength(1);
    const rows = await lonely.database.query('select from users where is_superuser');
    expect(rows).toHaveLength(1);
  });
});
