/** People for tests: registered, verified and logged in through the doors that everybody uses. */
import { randomBytes } from 'node:crypto';
import { factOf } from './mail-server.ts';
import type { TestService } from './service.ts';

export const goodPassword = 'correct horse battery staple';

export function newAddress(): string {
  return `person-${randomBytes(6).toString('hex')}@example.com`;
}

const registerDocument = `mutation ($input: RegisterInput!) {
  register(input: $input) { __typename ... on Problem { code fields { path message } } }
}`;

/** Registers and answers the address and the code that was mailed. */
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
  const { data } = await service.graphql(registerDocument, {
    input: { password: goodPassword, firstName: 'Ada', lastName: 'Lovelace', ...input, email },
  });
  if (data?.register?.__typename !== 'Acknowledgement') throw new Error(JSON.stringify(data));
  const mails = await service.mail.waitFor(email.toLowerCase(), before + 1);
  return { email, code: factOf(mails.at(-1), 'Code') };
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
  const { data } = await service.graphql(loginDocument, { input: { email, password } });
  return data.login;
}

/** A registered, verified and logged-in person. */
export async function person(
  service: TestService,
  input: Parameters<typeof register>[1] = {},
): Promise<Login & { readonly email: string; readonly userId: string }> {
  const { email, code } = await register(service, input);
  const verified = await verify(service, code);
  if (verified.__typename !== 'Acknowledgement') throw new Error(JSON.stringify(verified));
  const login = await tryLogin(service, email, input.password);
  if (login.__typename !== 'TokenPair') throw new Error(JSON.stringify(login));
  const { accessToken, refreshToken, user } = login;
  return { email, accessToken, refreshToken, userId: user.id };
}
