/** Registration and email verification. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { factOf, factsOf } from '../../support/mail-server.ts';
import {
  newAddress,
  pendingAccount,
  register,
  skipMailCooldown,
  tryLogin,
  verify,
} from '../../support/people.ts';
import { quiet, runDelayedMails, startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const acknowledged = { __typename: 'Acknowledgement' };
const rejected = { __typename: 'Problem', code: 'INVALID_CODE' };
const loggedIn = { __typename: 'TokenPair' };

async function resend(email: string) {
  const { data } = await service.graphql(
    'mutation ($email: String!) { resendVerificationEmail(email: $email) { __typename ... on Problem { code } } }',
    { email },
  );
  return data.resendVerificationEmail;
}

test('a user registers, confirms the mailed code and logs in', async () => {
  const { email, code } = await register(service);
  expect(await tryLogin(service, email)).toMatchObject({
    code: 'INVALID_CREDENTIALS',
    message: 'Incorrect email or password, or the address is not confirmed yet.',
    fields: [],
  });
  expect(await verify(service, code)).toMatchObject(acknowledged);
  const login = await tryLogin(service, email);
  expect(login).toMatchObject({ ...loggedIn, tokenType: 'Bearer', user: { email } });
});

test('a wrong password for a registration gets the same error as any wrong password', async () => {
  const { email } = await register(service);
  expect(await tryLogin(service, email, 'not the password')).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
});

test('both parts of the mail contain the code and a link with PUBLIC_URL', async () => {
  const { email, code } = await register(service);
  const [mail] = await service.mail.waitFor(email);
  expect(mail).toMatchObject({
    from: 'gatehouse@auth.test',
    subject: 'Confirm your email address for Gatehouse',
  });
  for (const part of [mail?.text, mail?.html]) {
    expect(part).toContain(`http://auth.test/verify-email?code=${code}`);
  }
  expect(mail?.text).toContain(`Code: ${code}`);
  expect(code).toMatch(/^[A-Za-z0-9_-]{22}$/);
});

test('C03: of 16 parallel confirmations of one code exactly one succeeds', async () => {
  const { code } = await register(service);
  const responses = await Promise.all(Array.from({ length: 16 }, () => verify(service, code)));
  expect(responses.filter(({ __typename }) => __typename === 'Acknowledgement')).toHaveLength(1);
  expect(responses.filter(({ code: problem }) => problem === 'INVALID_CODE')).toHaveLength(15);
});

test('of 16 parallel registrations of one address five are stored, and one becomes an account', async () => {
  const email = newAddress();
  const responses = await Promise.all(
    Array.from({ length: 16 }, (_, index) =>
      service.rest('POST', '/register/', {
        json: {
          email,
          first_name: 'Ada',
          last_name: 'Lovelace',
          password: `a fine password ${index}`,
        },
      }),
    ),
  );
  expect(responses.map(({ status }) => status)).toEqual(Array(16).fill(201));
  await quiet(service);
  const mails = () => service.mail.mails.filter(({ to }) => to === email);
  expect(mails()).toHaveLength(1);
  const accounts = () => service.database.query('select 1 from users where email = $1', [email]);
  expect(await accounts()).toEqual([]);
  await skipMailCooldown(service, email);
  await runDelayedMails(service);
  const codes = [...new Set(mails().flatMap((mail) => factsOf(mail, 'Code')))];
  expect(codes).toHaveLength(5);
  const confirmations = await Promise.all(codes.map((code) => verify(service, code)));
  expect(confirmations.filter(({ __typename }) => __typename === 'Acknowledgement')).toHaveLength(
    1,
  );
  expect(await accounts()).toHaveLength(1);
});

test('C02: a code expires after a day', async () => {
  await using late = await startService();
  const inTime = await register(late);
  const tooLate = await register(late);
  late.advance(86_400 - 60);
  expect(await verify(late, inTime.code)).toMatchObject(acknowledged);
  late.advance(120);
  expect(await verify(late, tooLate.code)).toMatchObject(rejected);
});

test('an earlier registration by another client does not affect the account of the owner', async () => {
  const email = newAddress();
  const thief = await register(service, {
    email,
    password: 'the thief chose this',
    firstName: 'Thief',
  });
  const owner = await register(service, {
    email,
    password: 'the owner chose this',
    firstName: 'Owner',
  });
  expect(await verify(service, owner.code)).toMatchObject(acknowledged);
  expect(await verify(service, thief.code)).toMatchObject(rejected);
  expect(await tryLogin(service, email, 'the thief chose this')).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
  const { accessToken } = await tryLogin(service, email, 'the owner chose this');
  const { data } = await service.graphql('{ me { firstName } }', {}, accessToken);
  expect(data.me.firstName).toBe('Owner');
});

test('a later registration by another client does not affect the account of the owner', async () => {
  const email = newAddress();
  const owner = await register(service, { email, password: 'the owner chose this' });
  const thief = await register(service, { email, password: 'the thief chose this' });
  expect(await verify(service, owner.code)).toMatchObject(acknowledged);
  expect(await verify(service, thief.code)).toMatchObject(rejected);
  expect(await tryLogin(service, email, 'the thief chose this')).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
  expect(await tryLogin(service, email, 'the owner chose this')).toMatchObject(loggedIn);
});

test.each([
  ['ACTIVE', 'You already have an account at Gatehouse'],
  ['DISABLED', 'Your account at Gatehouse is closed'],
])(
  'B03: a registration with the address of an account that is %s gets the same response, and its owner gets a mail',
  async (status, subject) => {
    const { email, code } = await register(service);
    await verify(service, code);
    await service.database.query('update users set status = $1 where email = $2', [status, email]);
    const request = (address: string) =>
      service.rest('POST', '/register/', {
        json: {
          email: address,
          first_name: 'Mallory',
          last_name: 'M',
          password: 'mallory likes this',
        },
      });
    const [taken, free] = [await request(email.toUpperCase()), await request(newAddress())];
    expect(taken.status).toBe(201);
    expect(taken.text).toBe(free.text);
    const mails = await service.mail.waitFor(email, 2);
    expect(mails.at(-1)?.subject).toBe(subject);
    expect(mails.at(-1)?.text).not.toContain('Mallory');
    expect(await tryLogin(service, email, 'mallory likes this')).toMatchObject({
      code: 'INVALID_CREDENTIALS',
    });
  },
);

test('C05: a new code invalidates the earlier one and is sent at most once a minute', async () => {
  const { email, code } = await register(service);
  const responses = await Promise.all(Array.from({ length: 16 }, () => resend(email)));
  expect(responses).toEqual(Array(16).fill(acknowledged));
  const mails = await service.mail.waitFor(email, 2);
  const newCode = factOf(mails.at(-1), 'Code');
  await quiet(service);
  expect(service.mail.mails.filter(({ to }) => to === email)).toHaveLength(2);
  expect(newCode).not.toBe(code);
  expect(await verify(service, code)).toMatchObject(rejected);
  expect(await verify(service, newCode)).toMatchObject(acknowledged);
});

test('a new code works after the first one has expired', async () => {
  await using late = await startService();
  const { email } = await register(late, { password: 'kept with the code' });
  late.advance(86_400 + 60);
  await late.rest('POST', '/register/resend_email_verify/', { json: { email } });
  const mails = await late.mail.waitFor(email, 2);
  expect(await verify(late, factOf(mails.at(-1), 'Code'))).toMatchObject(acknowledged);
  expect(await tryLogin(late, email, 'kept with the code')).toMatchObject(loggedIn);
});

test('a request for a new code reveals nothing about the address', async () => {
  const active = await register(service);
  await verify(service, active.code);
  const before = service.mail.mails.length;
  const responses = await Promise.all([resend(active.email), resend(newAddress())]);
  expect(responses).toEqual([acknowledged, acknowledged]);
  await quiet(service);
  expect(service.mail.mails).toHaveLength(before);
});

test('C07: a code does not activate a disabled account', async () => {
  const { email, code } = await pendingAccount(service);
  await service.database.query("update users set status = 'DISABLED' where email = $1", [email]);
  expect(await verify(service, code)).toMatchObject(rejected);
  expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
});

test('C06: a code verifies only the address that it was mailed to', async () => {
  const { email, code } = await pendingAccount(service);
  await service.database.query("update users set email = 'other-' || email where email = $1", [
    email,
  ]);
  expect(await verify(service, code)).toMatchObject(rejected);
});

test('C01: the database contains no code and no password, and the log contains no code', async () => {
  const password = 'a password to look for 4711';
  const { code } = await register(service, { password });
  const tables = await service.database.query<{ name: string }>(
    "select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
  );
  expect(tables.length).toBeGreaterThan(8);
  for (const { name } of tables) {
    const [found] = await service.database.query<{ hits: string }>(
      `select count(*) as hits from ${name} t where t::text like '%' || $1 || '%' or t::text like '%' || $2 || '%'`,
      [code, password],
    );
    expect([name, found?.hits]).toEqual([name, '0']);
  }
  expect(service.logLines.join('\n')).not.toContain(code);
});

test('a username is unique regardless of case, and can be used to log in', async () => {
  const { email, code } = await register(service, { username: 'Ada.L' });
  await verify(service, code);
  expect(await tryLogin(service, 'ada.l')).toMatchObject({ ...loggedIn, user: { email } });
  await expect(register(service, { username: 'ADA.L' })).rejects.toThrow('Is taken');
});

test('a username that was taken before the confirmation is omitted', async () => {
  const [first, second] = [
    await register(service, { username: 'wanted' }),
    await register(service, { username: 'Wanted' }),
  ];
  expect(await verify(service, first.code)).toMatchObject(acknowledged);
  expect(await verify(service, second.code)).toMatchObject(acknowledged);
  const { accessToken } = await tryLogin(service, second.email);
  const { data } = await service.graphql('{ me { username } }', {}, accessToken);
  expect(data.me.username).toBeNull();
});

test('16 parallel confirmations with one username create 16 accounts, and one gets the username', async () => {
  const registrations = await Promise.all(
    Array.from({ length: 16 }, () => register(service, { username: 'popular' })),
  );
  const responses = await Promise.all(registrations.map(({ code }) => verify(service, code)));
  expect(responses).toEqual(Array(16).fill(acknowledged));
  const rows = await service.database.query("select 1 from users where username = 'popular'");
  expect(rows).toHaveLength(1);
});

test.each(['Click http://evil.example', 'www.evil.example', '<b>x</b>', 'line\nbreak', 'a\u202eb'])(
  'the name %j is rejected',
  async (firstName) => {
    await expect(register(service, { firstName })).rejects.toThrow('VALIDATION_FAILED');
  },
);

test('the mail does not contain a name that looks like a host', async () => {
  const { email } = await register(service, { firstName: 'evil.example' });
  const [mail] = await service.mail.waitFor(email);
  expect(`${mail?.text}${mail?.html}`).not.toContain('evil.example');
});
