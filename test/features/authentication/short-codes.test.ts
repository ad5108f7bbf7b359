/** The short code of a verification mail: valid with its address, five wrong attempts, and no hint about an address. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import { superuser } from '../../support/administrators.ts';
import { headersFrom, inTurn, many, newNetwork } from '../../support/attempts.ts';
import { openDatabaseWire } from '../../support/database-wire.ts';
import { expectEqualDurations } from '../../support/equal-time.ts';
import { factsOf, shortCodesOf } from '../../support/mail-server.ts';
import {
  goodPassword,
  newAddress,
  pendingAccount,
  register,
  skipMailCooldown,
  tryLogin,
  verify,
} from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'code=10000/600' } });
});
afterAll(() => service.close());

const acknowledged = { __typename: 'Acknowledgement' };
const invalidCode = { __typename: 'Problem', code: 'INVALID_CODE', fields: [] };
const invalidCredentials = { __typename: 'Problem', code: 'INVALID_CREDENTIALS' };
const loggedIn = { __typename: 'TokenPair' };
/** Nobody has it: its rows would need this code by chance. */
const wrongCode = '0000-0000';

interface Attempt {
  readonly code: string;
  readonly email?: string;
  readonly password?: string;
  readonly at?: TestService;
}

async function attempt({ at = service, ...variables }: Attempt) {
  const { data } = await at.graphql(
    `mutation ($code: String!, $email: String, $password: String) {
      verifyEmail(code: $code, email: $email, password: $password) {
        __typename ... on Problem { code fields { path message } }
      }
    }`,
    variables,
  );
  return data.verifyEmail;
}

const failAt = (email: string, count: number) =>
  inTurn(count, () => attempt({ email, code: wrongCode }));

const newestMail = (email: string, at = service) =>
  at.mail.mails.findLast(({ to }) => to === email.toLowerCase());

/** A registration with its two codes. */
async function registered(input: Parameters<typeof register>[1] = {}, at = service) {
  const { email, code } = await register(at, input);
  return { email, code, shortCode: shortCodesOf(newestMail(email, at)).at(-1) ?? '' };
}

async function pending() {
  const { email, code } = await pendingAccount(service);
  return { email, code, shortCode: shortCodesOf(newestMail(email))[0] ?? '' };
}

async function resend(email: string) {
  const path = '/register/resend_email_verify/';
  expect((await service.rest('POST', path, { json: { email } })).status).toBe(200);
  await quiet(service);
}

const failuresOf = async (email: string) => {
  const rows = await service.database.query<{ failures: number }>(
    `select failed_short_codes as failures from registrations where email = $1
     union all select failed_short_codes from one_time_passwords where email = $1 and ended_at is null`,
    [email],
  );
  return rows.map(({ failures }) => failures);
};

describe.each([
  ['a registration', registered],
  ['an account that an operator created', pending],
])('the short code of %s', (_name, create) => {
  test('confirms the address, once', async () => {
    const { email, shortCode } = await create();
    expect(await attempt({ email, code: shortCode })).toMatchObject(acknowledged);
    expect(await tryLogin(service, email)).toMatchObject(loggedIn);
    expect(await attempt({ email, code: shortCode })).toEqual(invalidCode);
  });

  test('may be typed in lower case, without the dash, and with the address in another case', async () => {
    const { email, shortCode } = await create();
    const code = ` ${shortCode.toLowerCase().replace('-', ' ')} `;
    expect(await attempt({ email: email.toUpperCase(), code })).toMatchObject(acknowledged);
  });

  test('is not valid without its address, nor with another one', async () => {
    const [{ email, shortCode }, other] = [await create(), await create()];
    expect(await attempt({ code: shortCode })).toEqual({
      __typename: 'Problem',
      code: 'VALIDATION_FAILED',
      fields: [{ path: 'email', message: expect.stringContaining('short code') }],
    });
    expect(await attempt({ code: shortCode, email: other.email })).toEqual(invalidCode);
    expect(await failuresOf(email)).toEqual([0]);
    expect(await failuresOf(other.email)).toEqual([1]);
  });

  test('is dead after five wrong ones; the long code is not', async () => {
    const { email, code, shortCode } = await create();
    expect(await failAt(email, 5)).toEqual(Array(5).fill(invalidCode));
    expect(await attempt({ email, code: shortCode })).toEqual(invalidCode);
    expect(await verify(service, code)).toMatchObject(acknowledged);
  });

  test('is valid after four wrong ones', async () => {
    const { email, shortCode } = await create();
    await failAt(email, 4);
    expect(await attempt({ email, code: shortCode })).toMatchObject(acknowledged);
  });

  test('has new attempts in the next mail, and the earlier one is not valid', async () => {
    const { email, shortCode } = await create();
    await failAt(email, 5);
    await skipMailCooldown(service, email);
    await resend(email);
    const [renewed = ''] = shortCodesOf(newestMail(email));
    expect(renewed).not.toBe(shortCode);
    expect(await attempt({ email, code: shortCode })).toEqual(invalidCode);
    expect(await attempt({ email, code: renewed })).toMatchObject(acknowledged);
  });

  test('of 16 parallel wrong ones five count, and the right one is dead', async () => {
    const { email, shortCode } = await create();
    const answers = await many(16, () => attempt({ email, code: wrongCode }));
    expect(answers).toEqual(Array(16).fill(invalidCode));
    expect(await failuresOf(email)).toEqual([5]);
    expect(await attempt({ email, code: shortCode })).toEqual(invalidCode);
  });

  test('of 16 parallel right ones exactly one succeeds', async () => {
    const { email, shortCode } = await create();
    const answers = await many(16, () => attempt({ email, code: shortCode }));
    expect(answers.filter(({ __typename }) => __typename === 'Acknowledgement')).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'INVALID_CODE')).toHaveLength(15);
  });

  test('of parallel wrong, short and long codes exactly one succeeds, without a deadlock', async () => {
    const { email, code, shortCode } = await create();
    const codes = Array.from({ length: 16 }, (_, index) => [code, shortCode, wrongCode][index % 3]);
    const answers = await many(16, (index) => attempt({ email, code: codes[index] ?? '' }));
    expect(answers.filter(({ __typename }) => __typename === 'Acknowledgement')).toHaveLength(1);
    expect(answers.filter((answer) => answer.code === 'INVALID_CODE')).toHaveLength(15);
  });

  test('has the lifetime of the long code', async () => {
    const { email, shortCode } = await create();
    await service.database.query(
      `with r as (update registrations set expires_at = now() where email = $1)
       update one_time_passwords set expires_at = now() where email = $1`,
      [email],
    );
    expect(await attempt({ email, code: shortCode })).toEqual(invalidCode);
  });

  test('is stored nowhere: not in the database, the jobs or the log', async () => {
    const { email, shortCode } = await create();
    await attempt({ email, code: shortCode });
    const tables = await service.database.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname in ('public', 'graphile_worker')`,
    );
    expect(tables.length).toBeGreaterThan(10);
    for (const { name } of tables) {
      const rows = await service.database.query(
        `select 1 from ${name} t where t::text ilike any(array[$1, $2])`,
        [`%${shortCode}%`, `%${shortCode.replace('-', '')}%`],
      );
      expect([name, rows]).toEqual([name, []]);
    }
    expect(service.logLines.join('')).not.toContain(shortCode);
  });
});

describe('a long code with an address', () => {
  test('is valid if the address is its own', async () => {
    const { email, code } = await registered();
    expect(await attempt({ code, email })).toMatchObject(acknowledged);
  });

  test.each([
    ['a registration', registered],
    ['an account that an operator created', pending],
  ])('is not valid with another address, for %s', async (_name, create) => {
    const [{ email, code }, other] = [await create(), await create()];
    const attempts = [newAddress(), other.email].flatMap((address) => [
      attempt({ code, email: address }),
      attempt({ code, email: address, password: 'not the password at all' }),
    ]);
    expect(await Promise.all(attempts)).toEqual(Array(4).fill(invalidCode));
    expect(await attempt({ code, email })).toMatchObject(acknowledged);
  });
});

test('a wrong password with a right short code consumes no attempt', async () => {
  const { email, shortCode } = await registered({ password: 'the owner chose this' });
  const wrong = { email, code: shortCode, password: goodPassword };
  expect(await inTurn(6, () => attempt(wrong))).toMatchObject(Array(6).fill(invalidCredentials));
  expect(await failuresOf(email)).toEqual([0]);
  const right = { ...wrong, password: 'the owner chose this' };
  expect(await attempt(right)).toMatchObject(acknowledged);
});

test('each of several registrations of an address has its own short code', async () => {
  const { email } = await registered({
    firstName: 'Stranger',
    password: 'the stranger chose this',
  });
  await register(service, { email, password: 'the owner chose this' });
  const mail = newestMail(email);
  const codes = shortCodesOf(mail);
  expect(codes).toHaveLength(2);
  expect(factsOf(mail, 'Code')).toHaveLength(2);
  expect(await attempt({ email, code: wrongCode })).toEqual(invalidCode);
  expect(await failuresOf(email)).toEqual([1, 1]);
  expect(await attempt({ email, code: codes[1] ?? '' })).toMatchObject(acknowledged);
  expect(await tryLogin(service, email, 'the owner chose this')).toMatchObject(loggedIn);
  expect(await attempt({ email, code: codes[0] ?? '' })).toEqual(invalidCode);
});

test('the short code verifies the address also after an administrator has confirmed the registration', async () => {
  const root = await superuser(service);
  const { email, shortCode } = await registered();
  await failAt(email, 2);
  const [row] = await service.database.query<{ id: string }>(
    'select id from registrations where email = $1',
    [email],
  );
  const { data } = await service.graphql(
    'mutation ($id: ID!) { confirmRegistration(id: $id) { __typename } }',
    { id: row?.id },
    root.accessToken,
  );
  expect(data.confirmRegistration).toEqual({ __typename: 'User' });
  expect(await failuresOf(email)).toEqual([2]);
  expect(await attempt({ email, code: shortCode })).toMatchObject(acknowledged);
});

test('a short code is for verification only', async () => {
  const { email, shortCode } = await registered();
  for (const name of ['cancelRegistration', 'confirmEmailChange', 'cancelEmailChange']) {
    const { data } = await service.graphql(
      `mutation ($code: String!) { result: ${name}(code: $code) { __typename ... on Problem { code } } }`,
      { code: shortCode },
    );
    expect([name, data.result.code]).toEqual([name, 'INVALID_CODE']);
  }
  expect(await attempt({ email, code: shortCode })).toMatchObject(acknowledged);
});

describe('the REST API', () => {
  const get = (parameters: Record<string, string>, headers = {}) =>
    service.rest('GET', `/register/verify/?${new URLSearchParams(parameters)}`, { headers });

  test('takes the short code with the address', async () => {
    const { email, shortCode } = await registered();
    const missing = await get({ code: shortCode });
    expect(missing.status).toBe(400);
    expect(missing.body.data).toEqual({
      code: 'VALIDATION_FAILED',
      fields: [{ path: 'email', message: expect.stringContaining('short code') }],
    });
    const refused = await get({ code: wrongCode, email });
    expect([refused.status, refused.body.data.code]).toEqual([400, 'INVALID_CODE']);
    expect((await get({ code: shortCode, email })).status).toBe(200);
    expect(await tryLogin(service, email)).toMatchObject(loggedIn);
  });

  test('HEAD counts no attempt', async () => {
    const { email } = await registered();
    const parameters = new URLSearchParams({ code: wrongCode, email });
    await service.rest('HEAD', `/register/verify/?${parameters}`);
    expect(await failuresOf(email)).toEqual([0]);
  });
});

describe('guesses', () => {
  test('of one network at many addresses are limited, and a right code is refused after that', async () => {
    const strict = await startService({
      environment: { TRUST_PROXY: '1', RATE_LIMITS: 'code=20/600' },
    });
    await using _closing = strict;
    const { email, shortCode } = await registered({}, strict);
    const headers = headersFrom(newNetwork());
    const guess = (address: string, code: string) =>
      strict.rest('GET', `/register/verify/?${new URLSearchParams({ email: address, code })}`, {
        headers,
      });
    const answers = await many(36, () => guess(newAddress(), wrongCode));
    const count = (status: number) => answers.filter((each) => each.status === status).length;
    expect([count(400), count(429)]).toEqual([20, 16]);
    expect((await guess(email, shortCode)).status).toBe(429);
    expect(await attempt({ email, code: shortCode, at: strict })).toMatchObject(acknowledged);
  });

  test('are not counted in the rate limit when they are right', async () => {
    const strict = await startService({ environment: { RATE_LIMITS: 'code=2/600' } });
    await using _closing = strict;
    for (let round = 0; round < 4; round += 1) {
      const { email, shortCode } = await registered({}, strict);
      expect(await attempt({ email, code: shortCode, at: strict })).toMatchObject(acknowledged);
    }
  });

  test('are logged as refusals', async () => {
    const before = service.logLines.length;
    await failAt(newAddress(), 1);
    const lines = service.logLines.slice(before).map((line) => JSON.parse(line));
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'verifyEmail', outcome: 'refused', code: 'INVALID_CODE' }),
    );
  });
});

describe('an address with an open code', () => {
  const { createUser } = administrationOf(() => service);

  test('cannot be told from others by the answer, before and after five attempts', async () => {
    const root = await superuser(service);
    const active = newAddress();
    await createUser(root, { email: active, password: goodPassword, isActive: true });
    const { email } = await registered();
    const account = await pending();
    const guess = async (address: string) => {
      const parameters = new URLSearchParams({ email: address, code: wrongCode });
      const { status, text } = await service.rest('GET', `/register/verify/?${parameters}`);
      return `${status} ${text}`;
    };
    const answers = new Set<string>();
    for (const address of [email, account.email, active, newAddress()]) {
      for (let round = 0; round < 7; round += 1) answers.add(await guess(address));
    }
    expect([...answers]).toHaveLength(1);
  });

  test('costs the same statements and the same time as others', async () => {
    await using wire = await openDatabaseWire(service.database.url);
    const at = await startService({
      environment: { DATABASE_URL: wire.url, RATE_LIMITS: 'code=100000/600', LOG_LEVEL: 'silent' },
      database: service.database,
      mail: service.mail,
    });
    await using _closing = at;
    const { email } = await registered();
    const account = await pending();
    const statementsOf = async (address: string) => {
      const before = wire.statements.length;
      expect(await attempt({ email: address, code: wrongCode, at })).toEqual(invalidCode);
      return wire.statements
        .slice(before)
        .filter((text) => /short_codes|synchronous_commit|advisory|users/.test(text))
        .map((text) => text.replace(/\$\d+|'[^']*'/g, '?'));
    };
    await statementsOf(newAddress());
    const unknown = await statementsOf(newAddress());
    expect(unknown.length).toBeGreaterThanOrEqual(3);
    expect(await statementsOf(email)).toEqual(unknown);
    expect(await statementsOf(account.email)).toEqual(unknown);
    // Attempts for all rounds, because a dead code would cost less.
    await service.database.query(
      'update registrations set failed_short_codes = -32000 where email = $1',
      [email],
    );
    await expectEqualDurations(
      {
        unknown: () => attempt({ email: newAddress(), code: wrongCode, at }),
        known: () => attempt({ email, code: wrongCode, at }),
      },
      { tolerance: 0.1 },
    );
  });
});
