/** The requests of one user, with the facts that the auditor compares with the database. */
import { createHash } from 'node:crypto';
import type { Attempt, Facts } from './recorder.ts';
import type { RestRequest, RestResponse } from './rest-request.ts';

export interface Pair {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Makes one attempt at any replica; `factsOf` selects the facts of the response for the journal. */
type Try = (
  attempt: Omit<Attempt, 'replica'>,
  request: RestRequest,
  factsOf?: (answer: RestResponse) => Facts,
) => Promise<RestResponse>;

const password = 'a password for the time of trouble';

/** A refresh token starts with the id of the session and the counter, which the database stores. */
function positionOf(refreshToken: string): { sessionId: string; counter: number } {
  const bytes = Buffer.from(refreshToken, 'base64url');
  const sessionId = bytes
    .toString('hex', 0, 16)
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { sessionId, counter: bytes.readUInt32BE(16) };
}

const leafOf = (refreshToken: string) =>
  createHash('sha256').update(refreshToken).digest('base64url').slice(0, 16);

export type PersonCalls = ReturnType<typeof callsOf>;

export function callsOf(email: string, attempt: Try) {
  const pairOf = ({ outcome, data }: RestResponse): Pair | undefined => {
    const { access_token: accessToken, refresh_token: refreshToken } = data;
    if (outcome !== 'acknowledged') return undefined;
    return { accessToken: String(accessToken), refreshToken: String(refreshToken) };
  };

  /** The new token of the chain. */
  const pairFacts = (answer: RestResponse): Facts => {
    const pair = pairOf(answer);
    return pair ? { ...positionOf(pair.refreshToken), leaf: leafOf(pair.refreshToken) } : {};
  };

  const call = (
    operation: string,
    request: RestRequest,
    { facts, mustBeRefused }: { facts?: Facts; mustBeRefused?: true } = {},
    factsOf?: (answer: RestResponse) => Facts,
  ) =>
    attempt(
      {
        operation,
        person: email,
        ...(facts ? { facts } : {}),
        ...(mustBeRefused ? { mustBeRefused } : {}),
      },
      request,
      factsOf,
    );

  const registration = (address: string, password2: string): RestRequest => ({
    method: 'POST',
    path: '/register/',
    json: { email: address, first_name: 'Ada', last_name: 'Lovelace', password, password2 },
  });
  const update = (token: string, name: string): RestRequest => ({
    method: 'PUT',
    path: '/profile/update/',
    token,
    json: { first_name: name },
  });
  const rotation = (token: string): RestRequest => ({
    method: 'POST',
    path: '/token/refresh/',
    json: { refresh_token: token },
  });

  return {
    email,
    pairOf,
    register: () => call('register', registration(email, password), { facts: { email } }),
    verify: (code: string) =>
      call('verifyEmail', { method: 'GET', path: `/register/verify?code=${code}` }),
    login: () =>
      call('login', { method: 'POST', path: '/login/', json: { email, password } }, {}, pairFacts),
    updateProfile: ({ accessToken, refreshToken }: Pair, firstName: string) =>
      call('updateProfile', update(accessToken, firstName), {
        facts: { firstName, ...positionOf(refreshToken) },
      }),
    refresh: ({ refreshToken }: Pair) =>
      call(
        'refreshTokens',
        rotation(refreshToken),
        { facts: { ...positionOf(refreshToken), presented: leafOf(refreshToken) } },
        pairFacts,
      ),
    logout: ({ accessToken, refreshToken }: Pair) =>
      call(
        'logout',
        { method: 'POST', path: '/logout/', token: accessToken },
        { facts: positionOf(refreshToken) },
      ),

    /** Sends every kind of request with the tokens of an ended session. */
    async tryDeadTokens({ accessToken, refreshToken }: Pair, firstName: string): Promise<void> {
      const facts = positionOf(refreshToken);
      const mustBeRefused = true;
      await call(
        'me',
        { method: 'GET', path: '/profile/view/', token: accessToken },
        { facts, mustBeRefused },
      );
      await call('updateProfile', update(accessToken, firstName), {
        facts: { ...facts, firstName },
        mustBeRefused,
      });
      await call('refreshTokens', rotation(refreshToken), { facts, mustBeRefused });
    },
    tryRefusedRegistration: () => {
      const address = `refused-${email}`;
      return call('register', registration(address, 'another one'), {
        facts: { email: address },
        mustBeRefused: true,
      });
    },
    tryWrongPassword: () =>
      call(
        'login',
        { method: 'POST', path: '/login/', json: { email, password: 'not the password' } },
        { mustBeRefused: true },
      ),
  };
}
