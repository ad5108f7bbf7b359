/**
 * Users for tests. Registration, verification and login use the public operations. A test that needs only a
 * user inserts the rows into the database, in the state after a registration.
 */
import { randomBytes } from 'node:crypto';
import { factsOf } from './mail-server.ts';
import type { TestService } from './service.ts';

export const goodPassword = 'correct horse battery staple';

export function newAddress(): string {
  return `person-${randomBytes(6).toString('hex')}@example.com`;
}

const registerDocument = `mutation ($input: RegisterInput!) {
  register(input: $input) { __typename ... on Problem { code fields { path message } } }
}`;

/** Allows the next verification mail of an address immediately, as a minute after the last one. */
export async function skipMailCooldown(service: TestService, email: string): Promise<void> {
  await service.database.query(
    `update registrations set mailed_at = mailed_at - interval '61 seconds' where email = lower($1)`,
    [email],
  );
}

/**
 * Registers and returns the address and the mailed code, also if other registrations of the address are pending.
 */
export async function register(
  service: TestService,
  input: {
    email?: string;
    password?: string;
    firstName?: string;
    lastName?: string;
    username?: string;
  } = {},
): Promise<{ email: string; code: string }> {
  const email = input.email ?? newAddress();
  const before = service.mail.mails.filter((mail) => mail.to === email).length;
  await skipMailCooldown(service, email);
  await sendRegistration(service, { ...input, email });
  const mails = await service.mail.waitFor(email.toLowerCase(), before + 1);
  return { email, code: factsOf(mails.at(-1), 'Code').at(-1) ?? '' };
}

/** Registers without waiting for the mail. */
export async function sendRegistration(
  service: TestService,
  input: { readonly email: string },
): Promise<void> {
  const { data, status, text } = await service.graphql(registerDocument, {
    input: { password: goodPassword, firstName: 'Ada', lastName: 'Lovelace', ...input },
  });
  if (data?.register?.__typename !== 'Acknowledgement') throw new Error(`${status} ${text}`);
}

/** An account as an operator creates it: PENDING, with a password and a mailed code. */
export async function pendingAccount(
  service: TestService,
  email = newAddress(),
): Promise<{ email: string; code: string; userId: string }> {
  const before = service.mail.mails.filter((mail) => mail.to === email).length;
  const { id } = await service.app.unitOfWork.withEntityManager(() =>
    service.app.users.provisioning.provision(
      { email, password: goodPassword, firstName: 'Grace', lastName: 'Hopper' },
      { kind: 'user', isActive: false },
    ),
  );
  const mails = await service.mail.waitFor(email, before + 1);
  return { email, code: factsOf(mails.at(-1), 'Code').at(-1) ?? '', userId: id };
}

/** Inserts a registration in the state after `register`, without a mail; returns its id. */
export async function pendingRegistration(
  service: TestService,
  input: { email?: string; firstName?: string } = {},
): Promise<string> {
  const { email = newAddress(), firstName = 'Ada' } = input;
  const [row] = await service.database.query<{ id: string }>(
    `insert into registrations (id, email, password_hash, first_name, last_name, code_id, digest, created_at, expires_at, mailed_at)
     select id, $1, $2, $3, 'Lovelace', id, id::text, now(), now() + interval '1 day', now()
     from gen_random_uuid() id returning id`,
    [email, await hashOf(service, goodPassword), firstName],
  );
  if (!row) throw new Error('no registration');
  return row.id;
}

export async function verify(service: TestService, code: string) {
  const { data } = await service.graphql(
    'mutation ($code: String!) { verifyEmail(code: $code) { __typename ... on Problem { code } } }',
    { code },
  );
  return data.verifyEmail as { __typename: string; code?: string };
}

export interface Login {
  readonly accessToken: string;
  readonly refreshToken: string;
}

const loginDocument = `mutation ($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on TokenPair { accessToken refreshToken accessTokenExpiresAt refreshTokenExpiresAt tokenType user { id email } }
    ... on Problem { code message fields { path } }
  }
}`;

export async function tryLogin(service: TestService, email: string, password = goodPassword) {
  const { data, status, text } = await service.graphql(loginDocument, {
    input: { email, password },
  });
  if (!data) throw new Error(`${status} ${text}`);
  return data.login;
}

type Person = Login & { readonly email: string; readonly userId: string };
type PersonInput = NonNullable<Parameters<typeof register>[1]>;

/** A registered and verified user with a session. */
export async function person(service: TestService, input: PersonInput = {}): Promise<Person> {
  const { email, code } = await register(service, input);
  const verified = await verify(service, code);
  if (verified.__typename !== 'Acknowledgement') throw new Error(JSON.stringify(verified));
  return logIn(service, email, input.password);
}

/** A user with an active account and a session, without mails and audit entries. */
export async function somebody(service: TestService, input: PersonInput = {}): Promise<Person> {
  const { email = newAddress(), password = goodPassword } = input;
  await insertAccount(service, { ...input, email, password });
  return logIn(service, email, password);
}

async function logIn(service: TestService, email: string, password?: string): Promise<Person> {
  const login = await tryLogin(service, email, password);
  if (login.__typename !== 'TokenPair') throw new Error(JSON.stringify(login));
  const { accessToken, refreshToken, user } = login;
  return { email, accessToken, refreshToken, userId: user.id };
}

/** Inserts an active account in the state after registration and verification. */
export async function insertAccount(
  service: TestService,
  input: PersonInput & { email: string; password: string },
): Promise<void> {
  const { email, username = null, firstName = 'Ada', lastName = 'Lovelace', password } = input;
  await service.database.query(
    `with owner as (
       insert into users (id, email, username, first_name, last_name, status, locale, created_at, updated_at, email_verified_at)
       values (gen_random_uuid(), lower($1), $2, $3, $4, 'ACTIVE', 'en', now(), now(), now()) returning id
     ) insert into password_hashes select id, $5, now() from owner`,
    [email, username, firstName, lastName, await hashOf(service, password)],
  );
}

const hashes = new Map<string, Promise<string>>();

/** One hash for each password, because hashing is slow by design. */
function hashOf({ app }: TestService, password: string): Promise<string> {
  const key = JSON.stringify([password, app.config.passwordHash]);
  const known = hashes.get(key);
  if (known) return known;
  const made = app.hasher.hash(password);
  hashes.set(key, made);
  return made;
}
