/** Entries of the audit log: content, permissions, secrets, sealing and erasure. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { goodPassword, newAddress, person, somebody, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let root: Awaited<ReturnType<typeof somebody>>;
beforeAll(async () => {
  service = await startService();
  root = await somebody(service);
  await service.database.query('update users set is_superuser = true where id = $1', [root.userId]);
});
afterAll(() => service.close());

interface Entry {
  readonly action: string;
  readonly outcome: string;
  readonly code: string | null;
  readonly actorKind: string;
  readonly actorId: string | null;
  readonly targetId: string | null;
  readonly requestId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly before: Record<string, unknown> | null;
  readonly after: Record<string, unknown> | null;
}

async function entries(filter: object, token = root.accessToken): Promise<Entry[]> {
  const { data, errors } = await service.graphql(
    `query ($filter: AuditFilter) { auditEntries(first: 100, filter: $filter) { nodes {
       action outcome code actorKind actorId targetId requestId ipAddress userAgent before after
     } } }`,
    { filter },
    token,
  );
  if (errors) throw new Error(JSON.stringify(errors));
  return data.auditEntries.nodes;
}

test('the session and the audit log store 300 characters of a user agent', async () => {
  const { userId, email } = await somebody(service);
  const headers = { 'user-agent': 'agent '.repeat(100) };
  const json = { email, password: goodPassword };
  await service.rest('POST', '/login/', { json, headers });
  const sessions = await service.database.query<{ agent: string }>(
    'select user_agent as agent from sessions where user_id = $1 order by created_at desc limit 1',
    [userId],
  );
  const kept = 'agent '.repeat(50);
  expect(sessions).toEqual([{ agent: kept }]);
  expect((await entries({ targetId: userId }))[0]).toMatchObject({
    action: 'login',
    userAgent: kept,
  });
});

const verify = () =>
  service.app.unitOfWork.withEntityManager(() => service.app.audit.verifier.verify());

test('the audit log contains creation, verification, login, changes and logout with actor, time and client', async () => {
  const { userId, accessToken, email } = await person(service);
  await tryLogin(service, email, 'not the password');
  const response = await service.rest('PUT', '/profile/update/', {
    token: accessToken,
    json: { first_name: 'Augusta' },
  });
  await service.rest('POST', '/logout/', { token: accessToken });
  const found = await entries({ targetId: userId });
  expect(found.map(({ action, outcome }) => [action, outcome]).reverse()).toEqual([
    ['user-created', 'done'],
    ['registration-confirmed', 'done'],
    ['login', 'done'],
    ['login', 'refused'],
    ['user-updated', 'done'],
  ]);
  expect(found[0]).toMatchObject({
    actorKind: 'user',
    actorId: userId,
    requestId: response.headers.get('x-request-id'),
    ipAddress: '127.0.0.1',
    before: { firstName: 'Ada' },
    after: { firstName: 'Augusta' },
  });
  expect(found[1]).toMatchObject({ actorKind: 'anonymous', code: 'INVALID_CREDENTIALS' });
  const logout = await entries({ actorId: userId, action: 'logged-out' });
  expect(logout).toHaveLength(1);
});

test('a denied administrative operation is appended', async () => {
  const { accessToken, userId } = await somebody(service);
  await service.graphql(
    'mutation ($id: ID!) { deactivateUser(id: $id) { __typename } }',
    { id: root.userId },
    accessToken,
  );
  expect(await entries({ actorId: userId, isRefused: true })).toMatchObject([
    { action: 'deactivateUser', code: 'FORBIDDEN' },
  ]);
});

test('a rolled back transaction appends nothing', async () => {
  const { audit, unitOfWork } = service.app;
  const failed = unitOfWork.withEntityManager(() =>
    unitOfWork.transaction(async () => {
      await audit.log.append({ action: 'never-happened' });
      throw new Error('after the entry');
    }),
  );
  await expect(failed).rejects.toThrow('after the entry');
  expect(await entries({ action: 'never-happened' })).toEqual([]);
});

test('only holders of the permission read the audit log', async () => {
  const { accessToken } = await somebody(service);
  await expect(entries({}, accessToken)).rejects.toThrow('FORBIDDEN');
});

test('the audit log contains no secret', async () => {
  const password = 'a password to look for 4711';
  const { email, accessToken, refreshToken } = await somebody(service, { password });
  await tryLogin(service, email, 'another password to look for');
  const all = JSON.stringify(await entries({}));
  for (const secret of [
    password,
    'another password to look for',
    accessToken,
    refreshToken,
    'argon2',
  ]) {
    expect(all).not.toContain(secret);
  }
});

test('entries cannot be changed or removed', async () => {
  for (const statement of [
    "update audit_entries set action = 'nothing'",
    'delete from audit_entries',
    'truncate audit_entries',
  ]) {
    await expect(service.database.query(statement)).rejects.toThrow('only be added to');
  }
});

test('100 parallel writers get a position each, and the chains stay valid', async () => {
  const { audit, unitOfWork } = service.app;
  await Promise.all(
    Array.from({ length: 100 }, () =>
      unitOfWork.withEntityManager(() => audit.log.append({ action: 'written-at-once' })),
    ),
  );
  const rows = await service.database.query<{ chain: number }>(
    "select distinct chain from audit_entries where action = 'written-at-once'",
  );
  expect(rows.length).toBeGreaterThan(4);
  expect(await verify()).toMatchObject({ faults: [] });
});

test('the data of an erased user is unreadable, and the chains stay valid', async () => {
  const { userId, accessToken } = await person(service);
  await service.graphql(
    'mutation ($password: String!) { eraseAccount(password: $password) { __typename } }',
    { password: goodPassword },
    accessToken,
  );
  const found = await entries({ targetId: userId });
  expect(found.length).toBeGreaterThan(2);
  for (const { before, after, ipAddress } of found) {
    expect([before, after, ipAddress]).toEqual([null, null, null]);
  }
  expect(await verify()).toMatchObject({ faults: [] });
});

test('G10: an erased administrator’s address and browser are not shown in entries about others', async () => {
  const administrator = await somebody(service);
  const { userId, accessToken: token, email } = administrator;
  await service.database.query(
    'update users set is_superuser = true, is_staff = true where id = $1',
    [userId],
  );
  const other = await somebody(service);
  const change = await service.rest('PATCH', `/admin/users/${other.userId}/`, {
    token,
    json: { first_name: 'Grace' },
    headers: { 'user-agent': 'browser-of-the-administrator' },
  });
  expect(change.status).toBe(200);
  const about = () => entries({ targetId: other.userId, actorId: userId });
  const [before] = await about();
  expect(before).toMatchObject({
    ipAddress: '127.0.0.1',
    userAgent: 'browser-of-the-administrator',
    after: { firstName: 'Grace' },
  });
  const erased = await service.graphql(
    'mutation ($password: String!) { eraseAccount(password: $password) { __typename } }',
    { password: goodPassword },
    token,
  );
  expect(erased.data.eraseAccount.__typename).toBe('Acknowledgement');
  const [after] = await about();
  expect(after).toMatchObject({ ipAddress: null, userAgent: null, after: { firstName: 'Grace' } });
  const environment = environmentOf(service.database);
  const tail = await runCommand(['audit', 'tail', '--json', '--limit', '500'], { environment });
  const found = tail.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ actorId, targetId }) => [actorId, targetId].includes(userId));
  expect(found.length).toBeGreaterThan(2);
  expect(found.filter((entry) => 'ipAddress' in entry || 'userAgent' in entry)).toEqual([]);
  expect(JSON.stringify(found)).not.toContain(email);
  expect(await verify()).toMatchObject({ faults: [] });
});

test('G10: the address of an anonymous client is erased with the user of the entry', async () => {
  const { email, userId, accessToken } = await somebody(service);
  await tryLogin(service, email, 'a wrong guess');
  const deniedEntries = () => entries({ targetId: userId, isRefused: true });
  expect(await deniedEntries()).toMatchObject([{ actorKind: 'anonymous', ipAddress: '127.0.0.1' }]);
  await service.graphql(
    'mutation ($password: String!) { eraseAccount(password: $password) { __typename } }',
    { password: goodPassword },
    accessToken,
  );
  expect(await deniedEntries()).toMatchObject([{ actorKind: 'anonymous', ipAddress: null }]);
});

test('G10: entries about a user that are appended after the erasure are unreadable, and the list works', async () => {
  const { userId, accessToken } = await somebody(service);
  const { audit, unitOfWork } = service.app;
  const target = { type: 'user', id: userId } as const;
  const appendEntry = (action: string) =>
    unitOfWork.withEntityManager(() =>
      audit.log.append({ action, target, after: { note: 'about a user' } }),
    );
  await appendEntry('before');
  await service.graphql(
    'mutation ($password: String!) { eraseAccount(password: $password) { __typename } }',
    { password: goodPassword },
    accessToken,
  );
  // A failed login appends such an entry if the account is erased during the check of the password.
  await Promise.all(Array.from({ length: 16 }, () => appendEntry('afterwards')));
  const found = await entries({ targetId: userId });
  expect(found.map(({ action }) => action)).toEqual(
    expect.arrayContaining(['before', 'afterwards']),
  );
  expect(JSON.stringify(found)).not.toContain('about a user');
  expect(await verify()).toMatchObject({ faults: [] });
});

test('a login with an unknown name is appended without a target', async () => {
  await tryLogin(service, newAddress(), 'any password');
  const [latest] = await entries({ action: 'login', isRefused: true });
  expect(latest).toMatchObject({ targetId: null, actorKind: 'anonymous' });
});

test('an entry of a caller with an access token about an unknown name stays readable', async () => {
  const { userId, accessToken } = await somebody(service);
  const { data } = await service.graphql(
    'mutation ($input: LoginInput!) { login(input: $input) { ... on Problem { code } } }',
    { input: { email: newAddress(), password: 'any password' } },
    accessToken,
  );
  expect(data.login).toEqual({ code: 'INVALID_CREDENTIALS' });
  const [latest] = await entries({ action: 'login', isRefused: true });
  expect(latest).toMatchObject({ actorId: userId, targetId: null, actorKind: 'user' });
  expect(await verify()).toMatchObject({ faults: [] });
});
