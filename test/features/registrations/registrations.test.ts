/** Several registrations of one address: their mails, and the registration that becomes the account. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import { type Administrator, superuser } from '../../support/administrators.ts';
import { factOf, factsOf } from '../../support/mail-server.ts';
import {
  goodPassword,
  newAddress,
  register,
  skipMailCooldown,
  somebody,
  tryLogin,
  verify,
} from '../../support/people.ts';
import { quiet, runDelayedMails, startService, type TestService } from '../../support/service.ts';

let service: TestService;
let root: Administrator;
beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const { createUser, updateUser } = administrationOf(() => service);

const acknowledged = { __typename: 'Acknowledgement' };
const invalidCode = { __typename: 'Problem', code: 'INVALID_CODE' };
const invalidCredentials = { __typename: 'Problem', code: 'INVALID_CREDENTIALS' };
const loggedIn = { __typename: 'TokenPair' };

const mailsTo = (email: string) => service.mail.mails.filter(({ to }) => to === email);

const registrationsOf = (email: string) =>
  service.database.query<{ first_name: string }>(
    'select first_name from registrations where email = $1 order by created_at',
    [email],
  );

/** Sends the request only; its mail may be delayed by up to a minute. */
async function sendRegistration(
  email: string,
  firstName = 'Stranger',
  password = 'the stranger chose this',
) {
  const response = await service.rest('POST', '/register/', {
    json: { email, first_name: firstName, last_name: 'Of Many', password },
  });
  expect(response.status).toBe(201);
}

async function resend(email: string) {
  const path = '/register/resend_email_verify/';
  expect((await service.rest('POST', path, { json: { email } })).status).toBe(200);
  await quiet(service);
}

async function confirm(code: string, password: string) {
  const { data } = await service.graphql(
    `mutation ($code: String!, $password: String) {
      verifyEmail(code: $code, password: $password) { __typename ... on Problem { code } }
    }`,
    { code, password },
  );
  return data.verifyEmail;
}

async function cancel(code: string) {
  const { data } = await service.graphql(
    'mutation ($code: String!) { cancelRegistration(code: $code) { __typename ... on Problem { code } } }',
    { code },
  );
  return data.cancelRegistration;
}

describe('the limit of five registrations of an address', () => {
  test('J08: the first code of the owner stays valid after six registrations by strangers', async () => {
    const { email, code } = await register(service, { password: 'the owner chose this' });
    for (let round = 0; round < 6; round += 1) await sendRegistration(email, `Stranger ${round}`);
    expect((await registrationsOf(email)).map(({ first_name }) => first_name)).toEqual([
      'Ada',
      ...[0, 1, 2, 3].map((round) => `Stranger ${round}`),
    ]);
    expect(await verify(service, code)).toMatchObject(acknowledged);
    expect(await tryLogin(service, email, 'the owner chose this')).toMatchObject(loggedIn);
    expect(await registrationsOf(email)).toEqual([]);
  });

  test('an expired registration does not count towards the limit', async () => {
    await using late = await startService();
    const { email } = await register(late, { firstName: 'First' });
    late.advance(86_400 + 60);
    for (let round = 0; round < 5; round += 1) {
      await late.rest('POST', '/register/', {
        json: { email, first_name: 'Later', last_name: 'L', password: goodPassword },
      });
    }
    const rows = await late.database.query('select 1 from registrations where email = $1', [email]);
    expect(rows).toHaveLength(6);
  });
});

describe('at most one verification mail a minute', () => {
  test('registrations within a minute are mailed at its end, in one mail', async () => {
    const email = newAddress();
    await sendRegistration(email, 'One');
    // On a busy machine the job of the first one could otherwise run last, and mail all three.
    await quiet(service);
    for (const name of ['Two', 'Three']) await sendRegistration(email, name);
    await quiet(service);
    expect(mailsTo(email)).toHaveLength(1);
    const [job, ...others] = await service.database.query<{ seconds: number }>(
      'select extract(epoch from run_at - now())::float as seconds from graphile_worker.jobs where key like $1',
      [`%${email}`],
    );
    expect(others).toEqual([]);
    expect(job?.seconds).toBeGreaterThan(30);
    expect(job?.seconds).toBeLessThan(60);
    await skipMailCooldown(service, email);
    await runDelayedMails(service);
    const [first, list] = mailsTo(email);
    expect(mailsTo(email)).toHaveLength(2);
    const codes = factsOf(list, 'Code');
    expect(codes).toHaveLength(3);
    expect(codes[0]).toBe(factOf(first, 'Code'));
    for (const name of ['One', 'Two', 'Three']) {
      expect(list?.text).toMatch(
        new RegExp(`${name} Of Many, registered on \\d+ \\w+ 2\\d{3} at \\d\\d:\\d\\d UTC`),
      );
    }
    for (const code of codes) {
      expect(list?.text).toContain(`http://auth.test/verify-email?code=${code}`);
      expect(list?.html).toContain(code);
    }
  });

  test('a resend request sends one mail with a new code for each registration, at most once a minute', async () => {
    const email = newAddress();
    const { code: first } = await register(service, { email, firstName: 'One' });
    const { code: second } = await register(service, { email, firstName: 'Two' });
    const before = mailsTo(email).length;
    await skipMailCooldown(service, email);
    await resend(email);
    await resend(email);
    expect(mailsTo(email)).toHaveLength(before + 1);
    const codes = factsOf(mailsTo(email).at(-1), 'Code');
    expect(codes).toHaveLength(2);
    for (const old of [first, second])
      expect(await verify(service, old)).toMatchObject(invalidCode);
    expect(await verify(service, codes[1] ?? '')).toMatchObject(acknowledged);
    expect(await verify(service, codes[0] ?? '')).toMatchObject(invalidCode);
    const [account] = await service.database.query(
      'select first_name from users where email = $1',
      [email],
    );
    expect(account).toEqual({ first_name: 'Two' });
  });
});

describe('the password of a registration', () => {
  test('a wrong password is rejected, and the code stays valid', async () => {
    const { email, code } = await register(service, { password: 'the stranger chose this' });
    expect(await confirm(code, 'the owner chose this')).toEqual(invalidCredentials);
    expect(await tryLogin(service, email, 'the stranger chose this')).toMatchObject(
      invalidCredentials,
    );
    expect(await confirm(code, 'the stranger chose this')).toEqual(acknowledged);
  });

  test('the correct password is throttled after too many wrong ones', async () => {
    await using limited = await startService({
      environment: { RATE_LIMITS: 'account-network=3/600' },
    });
    const { code } = await register(limited);
    const document = `mutation ($code: String!, $password: String) {
      verifyEmail(code: $code, password: $password) { __typename ... on Problem { code } }
    }`;
    const attempt = (password: string) => limited.graphql(document, { code, password });
    for (let round = 0; round < 3; round += 1) {
      expect((await attempt('not the password')).data.verifyEmail).toEqual(invalidCredentials);
    }
    const { errors } = await attempt(goodPassword);
    expect(errors?.[0]?.extensions?.code).toBe('THROTTLED');
  });

  test('the code of a registration cancels it once', async () => {
    const { email, code } = await register(service);
    expect(await cancel(code)).toEqual(acknowledged);
    expect(await registrationsOf(email)).toEqual([]);
    expect(await cancel(code)).toEqual(invalidCode);
    expect(await verify(service, code)).toEqual(invalidCode);
  });
});

describe('a registration does not reserve its address', () => {
  test('an administrator creates the account of an address that strangers registered', async () => {
    const { email, code } = await register(service);
    expect((await createUser(root, { email })).outcome).toBe('done');
    expect(await registrationsOf(email)).toEqual([]);
    expect(await verify(service, code)).toEqual(invalidCode);
  });

  test('an administrator sets an address that strangers registered', async () => {
    const { email, code } = await register(service);
    const { userId } = await somebody(service);
    expect((await updateUser(root, userId, { email })).outcome).toBe('done');
    expect(await registrationsOf(email)).toEqual([]);
    expect(await verify(service, code)).toEqual(invalidCode);
  });

  test('an operator creates the account of an address that strangers registered', async () => {
    const { email, code } = await register(service);
    const { users, unitOfWork } = service.app;
    const user = await unitOfWork.withEntityManager(() =>
      users.provisioning.provision(
        { email, password: goodPassword },
        { kind: 'user', isActive: true },
      ),
    );
    expect(user.email).toBe(email);
    expect(await verify(service, code)).toEqual(invalidCode);
    expect(await tryLogin(service, email)).toMatchObject(loggedIn);
  });

  test('an operator does not replace an invited account', async () => {
    const { outcome, id } = await createUser(root, { email: 'invited@example.com' });
    expect(outcome).toBe('done');
    const { users, unitOfWork } = service.app;
    const provision = unitOfWork.withEntityManager(() =>
      users.provisioning.provision(
        { email: 'invited@example.com', password: goodPassword },
        { kind: 'user', isActive: true },
      ),
    );
    await expect(provision).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    const rows = await service.database.query('select id from users where email = $1', [
      'invited@example.com',
    ]);
    expect(rows).toEqual([{ id }]);
  });
});
