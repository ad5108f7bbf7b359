/** Operations of users on their own account: profile, closing, export and erasure. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { goodPassword, newAddress, person, somebody, tryLogin } from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const acknowledged = { __typename: 'Acknowledgement' };

async function mutate(operation: string, type: string, input: object, accessToken?: string) {
  const fields =
    operation === 'updateProfile'
      ? '... on User { firstName lastName username locale pendingEmail }'
      : '';
  const { data, errors } = await service.graphql(
    `mutation ($input: ${type}!) { ${operation}(input: $input) { __typename ${fields} ... on Problem { code fields { path message } } } }`,
    { input },
    accessToken,
  );
  return data?.[operation] ?? errors;
}

const update = (input: object, accessToken: string) =>
  mutate('updateProfile', 'UpdateProfileInput', input, accessToken);
const deactivate = (input: object, accessToken: string) =>
  mutate('deactivateAccount', 'DeactivateAccountInput', input, accessToken);

async function erase(password: string, accessToken: string) {
  const { data } = await service.graphql(
    'mutation ($password: String!) { eraseAccount(password: $password) { __typename ... on Problem { code } } }',
    { password },
    accessToken,
  );
  return data.eraseAccount;
}

const isIn = async (accessToken: string) =>
  (await service.graphql('{ me { id } }', {}, accessToken)).status === 200;

async function makeSuperuser(userId: string): Promise<void> {
  await service.database.query('update users set is_superuser = true where id = $1', [userId]);
}

test('an update changes the given fields, ends no session and sends a mail to the owner', async () => {
  const { email, accessToken } = await person(service);
  const other = await tryLogin(service, email);
  expect(
    await update({ firstName: 'Augusta', username: 'augusta', locale: 'es-mx' }, accessToken),
  ).toEqual({
    __typename: 'User',
    firstName: 'Augusta',
    lastName: 'Lovelace',
    username: 'augusta',
    locale: 'es-MX',
    pendingEmail: null,
  });
  expect([await isIn(accessToken), await isIn(other.accessToken)]).toEqual([true, true]);
  const { data } = await service.graphql('{ me { firstName username } }', {}, accessToken);
  expect(data.me).toEqual({ firstName: 'Augusta', username: 'augusta' });
  const mails = await service.mail.waitFor(email, 2);
  expect(mails).toHaveLength(2);
});

test('an update without a change sends no mail', async () => {
  const { email, accessToken } = await person(service);
  await update({ firstName: 'Ada' }, accessToken);
  await quiet(service);
  expect(service.mail.mails.filter(({ to }) => to === email)).toHaveLength(1);
});

test('an update with invalid fields names them and changes nothing', async () => {
  const { accessToken } = await somebody(service);
  expect(
    await update(
      { firstName: 'Augusta', lastName: 'x'.repeat(5000), username: 'a@b' },
      accessToken,
    ),
  ).toMatchObject({
    code: 'VALIDATION_FAILED',
    fields: [{ path: 'lastName' }, { path: 'username' }],
  });
  const { data } = await service.graphql('{ me { firstName } }', {}, accessToken);
  expect(data.me.firstName).toBe('Ada');
});

test('a taken username is rejected, and the own username in another case is accepted', async () => {
  const first = await somebody(service, { username: 'taken' });
  const second = await somebody(service);
  expect(await update({ username: 'TAKEN' }, second.accessToken)).toMatchObject({
    code: 'VALIDATION_FAILED',
    fields: [{ path: 'username' }],
  });
  expect(await update({ username: 'Taken' }, first.accessToken)).toMatchObject({
    username: 'Taken',
  });
});

test('of 16 parallel updates to one username one succeeds', async () => {
  const users = await Promise.all(Array.from({ length: 16 }, () => somebody(service)));
  const responses = await Promise.all(
    users.map(({ accessToken }) => update({ username: 'contested' }, accessToken)),
  );
  expect(responses.filter(({ __typename }) => __typename === 'User')).toHaveLength(1);
  expect(responses.filter(({ code }) => code === 'VALIDATION_FAILED')).toHaveLength(15);
});

test.each(['isStaff', 'isSuperuser', 'status', 'isActive', 'id', 'createdAt', 'groups'])(
  '%s cannot be set by an update',
  async (field) => {
    const { accessToken, userId } = await somebody(service);
    const { errors } = await service.graphql(
      'mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }',
      { input: { firstName: 'Augusta', [field]: true } },
      accessToken,
    );
    expect(errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT');
    const snake = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    await service.rest('PUT', '/profile/update/', {
      token: accessToken,
      json: { first_name: 'Augusta', [snake]: true, [field]: true },
    });
    const [row] = await service.database.query(
      "select is_staff, is_superuser, status from users where id = $1 and first_name = 'Augusta'",
      [userId],
    );
    expect(row).toEqual({ is_staff: false, is_superuser: false, status: 'ACTIVE' });
  },
);

test('over REST an update returns the user, and a new address needs the password', async () => {
  const { accessToken } = await somebody(service);
  const put = (json: object) =>
    service.rest('PUT', '/profile/update/', { token: accessToken, json });
  const edited = await put({ first_name: 'Augusta', last_name: 'King' });
  expect([edited.status, edited.body.message, edited.body.data.full_name]).toEqual([
    200,
    'User data modified successfully',
    'Augusta King',
  ]);
  const email = newAddress();
  const without = await put({ email });
  expect([without.status, without.body.data.fields[0].path]).toEqual([400, 'password']);
  const wrong = await put({ email, first_name: 'Grace', password: 'not the password' });
  expect([wrong.status, wrong.body.data.code]).toEqual([401, 'INVALID_CREDENTIALS']);
  const right = await put({ email, first_name: 'Ada', password: goodPassword });
  expect([right.status, right.body.data.pending_email, right.body.data.first_name]).toEqual([
    200,
    email,
    'Ada',
  ]);
});

test('closing the account needs its address and password, and ends every session', async () => {
  const { email, accessToken } = await person(service);
  const otherUser = await person(service);
  expect(
    await deactivate({ email: otherUser.email, password: goodPassword }, accessToken),
  ).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
  expect(await deactivate({ email, password: 'not the password' }, accessToken)).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
  expect([await isIn(accessToken), await isIn(otherUser.accessToken)]).toEqual([true, true]);
  expect(
    await deactivate({ email: email.toUpperCase(), password: goodPassword }, accessToken),
  ).toEqual(acknowledged);
  expect(await isIn(accessToken)).toBe(false);
  expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  const mails = await service.mail.waitFor(email, 2);
  expect(mails.at(-1)?.subject).toMatch(/disabled/);
});

test('over REST closing the account returns 204', async () => {
  const { email, accessToken } = await somebody(service);
  const json = { email, password: goodPassword };
  const response = await service.rest('DELETE', '/profile/delete/', { token: accessToken, json });
  expect([response.status, response.text]).toEqual([204, '']);
});

test('the last active superuser cannot close the account, also when two try in parallel', async () => {
  const [one, other] = [await somebody(service), await somebody(service)];
  await makeSuperuser(one.userId);
  expect(
    await deactivate({ email: one.email, password: goodPassword }, one.accessToken),
  ).toMatchObject({
    code: 'PROTECTED',
  });
  expect(await erase(goodPassword, one.accessToken)).toMatchObject({ code: 'PROTECTED' });
  await makeSuperuser(other.userId);
  const responses = await Promise.all([
    deactivate({ email: one.email, password: goodPassword }, one.accessToken),
    deactivate({ email: other.email, password: goodPassword }, other.accessToken),
  ]);
  expect(responses.map(({ __typename }) => __typename).sort()).toEqual([
    'Acknowledgement',
    'Problem',
  ]);
});

test('the export contains all data about the user and no secret', async () => {
  const { email, accessToken, userId } = await person(service);
  const { data } = await service.graphql('{ exportMyData }', {}, accessToken);
  expect(data.exportMyData).toMatchObject({
    account: { id: userId, email, first_name: 'Ada' },
    hasPassword: true,
    groups: [],
    permissions: [],
    sessions: [{ ip_address: '127.0.0.1' }],
    mailedCodes: [{ kind: 'verify-email', email }],
  });
  expect(JSON.stringify(data)).not.toMatch(/argon2|digest|refresh_counter/);
});

test('an erasure removes the user from every table and needs the password', async () => {
  const { email, accessToken, userId } = await person(service);
  const before = await tablesAbout(email, userId);
  expect(before).toEqual(
    expect.arrayContaining(['users', 'sessions', 'password_hashes', 'one_time_passwords']),
  );
  expect(await erase('not the password', accessToken)).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
  expect(await tablesAbout(email, userId)).toEqual(before);
  expect(await erase(goodPassword, accessToken)).toEqual(acknowledged);
  expect(await isIn(accessToken)).toBe(false);
  await service.mail.waitFor(email, 2);
  await quiet(service);
  // The audit log keeps the opaque id. The key of the personal data is deleted.
  expect(await tablesAbout(email, userId)).toEqual(['audit_entries']);
  expect(await tablesAbout(email, email)).toEqual([]);
});

/** The tables with a row that contains the address or the id. */
async function tablesAbout(email: string, userId: string): Promise<string[]> {
  const tables = await service.database.query<{ name: string }>(
    "select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by name",
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await service.database.query(
      `select from ${name} t where t::text like '%' || $1 || '%' or t::text like '%' || $2 || '%'`,
      [email, userId],
    );
    if (rows.length > 0) found.push(name);
  }
  return found;
}
