/** `@gatehouse-auth/client` with the transport `memory` against a service. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type Change,
  type Client,
  type ClientOptions,
  createClient,
  GatehouseError,
} from '../../packages/client/src/client.ts';
import { factsOf } from '../support/mail-server.ts';
import { goodPassword, insertAccount, newAddress, somebody } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const opened: Client[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const client of opened.splice(0)) client.close();
});

/** The documents of the requests of a client, such as `LogIn`. */
type Sent = string[];

function open(options: Partial<ClientOptions> = {}): Client & { readonly sent: Sent } {
  const sent: Sent = [];
  const { fetch: fetcher = globalThis.fetch } = options;
  const client = createClient({
    url: service.address,
    transport: 'memory',
    ...options,
    fetch: (input, init) => {
      const [, name] = /(?:mutation|query) (\w+)/.exec(String(init?.body)) ?? [];
      sent.push(name ?? String(input));
      return fetcher(input, init);
    },
  });
  opened.push(client);
  return Object.assign(client, { sent });
}

async function openSession(options: Partial<ClientOptions> = {}) {
  const email = newAddress();
  await insertAccount(service, { email, password: goodPassword });
  const client = open(options);
  const changes: Change[] = [];
  client.onChange((change) => changes.push(change));
  const result = await client.login({ email, password: goodPassword });
  if (result.__typename !== 'TokenPair') throw new Error(JSON.stringify(result));
  client.sent.length = 0;
  return { client, email, changes, user: result.user };
}

/** Moves the clock of the service and of the client, which have the same process. */
function moveClock(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 });
}

/** The service with shorter lives of tokens than its settings allow. */
const withSeconds =
  (expiresIn: number): typeof fetch =>
  async (input, init) => {
    const response = await fetch(input, init);
    const text = (await response.text()).replace(/"expiresIn":\d+/, `"expiresIn":${expiresIn}`);
    return new Response(text, response);
  };

const reasonsOf = (changes: readonly Change[]) =>
  changes.map(({ user, reason }) => [user?.email, reason]);
const userIdOf = async (response: Response) =>
  ((await response.json()) as { data: { me: { id: string } } }).data.me.id; // as: the query below
const meRequest = () => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query: 'query Own { me { id } }' }),
});

test('a person registers, verifies the address, logs in and logs out', async () => {
  const client = open();
  const email = newAddress();
  const input = { email, password: goodPassword, firstName: 'Ada', lastName: 'Lovelace' };
  expect(await client.register(input)).toMatchObject({ __typename: 'Acknowledgement' });
  const mails = await service.mail.waitFor(email, 1);
  const [code = ''] = factsOf(mails.at(-1), 'Code');
  expect(await client.verifyEmail({ code })).toMatchObject({ __typename: 'Acknowledgement' });
  const login = await client.login({ email, password: goodPassword });
  if (login.__typename === 'Problem') throw new Error(login.code);
  expect(login.user).toMatchObject({ email, fullName: 'Ada Lovelace', isStaff: false });
  expect(await client.me()).toEqual(login.user);
  expect(client.user).toEqual(login.user);
  expect(await client.logout()).toMatchObject({ __typename: 'Acknowledgement' });
  expect(await client.me()).toBeNull();
});

test('problems are results', async () => {
  const client = open();
  const login = await client.login({ email: newAddress(), password: 'wrong' });
  expect(login).toMatchObject({ __typename: 'Problem', code: 'INVALID_CREDENTIALS', fields: [] });
  const input = { email: 'x', password: 'short', firstName: '', lastName: '' };
  const registration = await client.register(input);
  if (registration.__typename !== 'Problem') throw new Error('the input is not valid');
  expect(registration.code).toBe('VALIDATION_FAILED');
  expect(registration.fields.map(({ path }) => path)).toContain('password');
});

describe('a forgotten and a changed password', () => {
  test('is reset with the link of the mail', async () => {
    const { client, email } = await openSession();
    await client.requestPasswordReset({ email });
    const mails = await service.mail.waitFor(email, 1);
    const [uid = ''] = factsOf(mails.at(-1), 'Uid');
    const [token = ''] = factsOf(mails.at(-1), 'Token');
    const password = 'another horse battery staple';
    const reset = await client.resetPassword({ uid, token, password });
    expect(reset.__typename).toBe('Acknowledgement');
    expect(await client.me()).toBeNull();
    const login = await client.login({ email, password });
    expect(login.__typename).toBe('TokenPair');
  });

  test('is changed with the current password, and the session goes on', async () => {
    const { client, user } = await openSession();
    const newPassword = 'another horse battery staple';
    const wrong = await client.changePassword({ currentPassword: 'wrong', newPassword });
    expect(wrong).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    const changed = await client.changePassword({ currentPassword: goodPassword, newPassword });
    expect(changed.__typename).toBe('Acknowledgement');
    expect(await client.me()).toEqual(user);
  });
});

describe('refresh', () => {
  test('happens once for 16 parallel requests with an expired token', async () => {
    const { client, user } = await openSession();
    moveClock(400);
    const users = await Promise.all(Array.from({ length: 16 }, () => client.me()));
    expect(users).toEqual(users.map(() => user));
    expect(client.sent.filter((name) => name === 'Refresh')).toHaveLength(1);
  });

  test('happens once for 16 parallel requests whose token the service refuses', async () => {
    const { client, user } = await openSession();
    service.advance(400);
    const responses = await Promise.all(
      Array.from({ length: 16 }, () => client.fetch(`${service.address}/graphql`, meRequest())),
    );
    const ids = await Promise.all(responses.map(userIdOf));
    service.advance(-400);
    expect(ids).toEqual(ids.map(() => user.id));
    expect(client.sent.filter((name) => name === 'Refresh')).toHaveLength(1);
  });

  test('happens before the token expires, without a request', async () => {
    const { client, changes } = await openSession({ fetch: withSeconds(1) });
    const before = await client.getAccessToken();
    await until(async () => client.sent.includes('Refresh'));
    await until(async () => (await client.getAccessToken()) !== before);
    expect(changes).toHaveLength(1);
  });

  test('finds that the session was revoked', async () => {
    const { client, changes, email } = await openSession();
    const other = open();
    await other.login({ email, password: goodPassword });
    await other.logoutEverywhere();
    expect(await client.refresh()).toBeNull();
    expect(await client.getAccessToken()).toBeNull();
    expect(await other.getAccessToken()).toBeNull();
    expect(reasonsOf(changes)).toEqual([
      [email, 'login'],
      [undefined, 'expired'],
    ]);
  });

  test('that finds no network leaves the session, and is repeated', async () => {
    let isDown = false;
    const { client, changes } = await openSession({
      fetch: (input, init) =>
        isDown ? Promise.reject(new TypeError('fetch failed')) : fetch(input, init),
    });
    moveClock(400);
    isDown = true;
    const error = await client.getAccessToken().catch((reason) => reason);
    expect(error).toBeInstanceOf(GatehouseError);
    expect(error.code).toBe('NETWORK');
    isDown = false;
    await until(async () => client.sent.filter((name) => name === 'Refresh').length > 1);
    expect(await client.getAccessToken()).not.toBeNull();
    expect(changes.map(({ reason }) => reason)).toEqual(['login']);
  });

  test('waits as long as a busy service asks', async () => {
    let isBusy = false;
    const answer = {
      errors: [{ message: 'busy', extensions: { code: 'OVERLOADED', retryAfter: 2 } }],
    };
    const { client } = await openSession({
      fetch: async (input, init) =>
        isBusy ? Response.json(answer, { status: 503 }) : fetch(input, init),
    });
    moveClock(400);
    isBusy = true;
    const failures = await Promise.allSettled([client.me(), client.me()]);
    await expect(client.me()).rejects.toMatchObject({ code: 'OVERLOADED', retryAfter: 2 });
    expect(failures.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(client.sent).toEqual(['Refresh']);
  });

  test('with a valid token uses it while the service is busy', async () => {
    let isDown = false;
    const { client } = await openSession({
      fetch: (input, init) => (isDown ? Promise.reject(new TypeError('down')) : fetch(input, init)),
    });
    const token = await client.getAccessToken();
    moveClock(280);
    isDown = true;
    expect(await client.getAccessToken()).toBe(token);
    expect(client.sent).toEqual(['Refresh']);
  });

  test('of an aborted caller continues for the others', async () => {
    const { client, user } = await openSession();
    moveClock(400);
    const aborted = client.me({ signal: AbortSignal.abort(new Error('enough')) });
    const other = client.me();
    await expect(aborted).rejects.toThrow('enough');
    expect(await other).toEqual(user);
    expect(client.sent).toEqual(['Refresh', 'Me']);
  });

  test('and a login at the same time do not mix their results', async () => {
    const { client } = await openSession();
    const { email, user } = await openSession();
    const [refreshed] = await Promise.all([
      client.refresh(),
      client.login({ email, password: goodPassword }),
    ]);
    expect(refreshed).not.toBeNull();
    expect(client.user).toEqual(user);
    expect(await client.me()).toEqual(user);
  });
});

describe('fetch', () => {
  test('gives no token to other origins', async () => {
    const { client } = await openSession();
    const seen = vi.fn<typeof fetch>(async () => new Response());
    const watching = open({ fetch: seen, origins: ['https://api.example.com'] });
    const token = await client.getAccessToken();
    seen.mockImplementationOnce(async () =>
      Response.json({
        data: {
          result: {
            __typename: 'TokenPair',
            accessToken: token,
            refreshToken: 'x',
            expiresIn: 300,
            user: client.user,
          },
        },
      }),
    );
    await watching.login({ email: 'x', password: 'x' });
    const sentTo = async (input: string | URL | Request, init?: RequestInit) => {
      await watching.fetch(input, init);
      return new Headers(seen.mock.lastCall?.[1]?.headers).get('authorization');
    };
    // In a document with `<base>` of another origin.
    vi.stubGlobal('document', { baseURI: 'https://cdn.example.com/' });
    expect(await sentTo('orders')).toBeNull();
    expect(seen.mock.lastCall?.[0]).toBe('https://cdn.example.com/orders');
    vi.unstubAllGlobals();
    expect(await sentTo('https://api.example.com/orders')).toBe(`Bearer ${token}`);
    expect(await sentTo(new URL('/x', service.address))).toBe(`Bearer ${token}`);
    expect(await sentTo(new Request('https://api.example.com/'))).toBe(`Bearer ${token}`);
    for (const url of [
      'https://example.com/',
      'http://api.example.com/',
      'https://api.example.com.evil.test/',
    ])
      expect([url, await sentTo(url)]).toEqual([url, null]);
    const own = { headers: { authorization: 'Basic abc' } };
    expect(await sentTo('https://api.example.com/', own)).toBe('Basic abc');
  });

  test('repeats a request with a body, and not one whose body is a stream', async () => {
    const { client, user } = await openSession();
    const url = `${service.address}/graphql`;
    service.advance(400);
    const repeated = await client.fetch(new Request(url, meRequest()));
    service.advance(400);
    const { body, ...rest } = meRequest();
    const stream = new Blob([body]).stream();
    const init = { ...rest, body: stream, duplex: 'half' } as RequestInit; // as: not in all types
    const refused = await client.fetch(url, init);
    const next = await client.fetch(url, meRequest());
    service.advance(-800);
    expect([repeated.status, refused.status, next.status]).toEqual([200, 401, 200]);
    expect(await userIdOf(next)).toBe(user.id);
  });

  test('passes the signal on', async () => {
    const { client } = await openSession();
    const init = { ...meRequest(), signal: AbortSignal.abort() };
    await expect(client.fetch(`${service.address}/graphql`, init)).rejects.toThrow(/abort/i);
    expect(await client.me()).not.toBeNull();
  });
});

test('graphql returns the data, and throws the code of an error', async () => {
  const { client, user } = await openSession();
  const data = await client.graphql<{ me: { id: string } }>('{ me { id } }');
  expect(data.me.id).toBe(user.id);
  await expect(client.graphql('{ users { totalCount } }')).rejects.toMatchObject({
    name: 'GatehouseError',
    code: 'FORBIDDEN',
  });
  await expect(open().graphql('{ me { id } }')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(
    open({ url: `${service.address}/nothing` }).graphql('{ me { id } }'),
  ).rejects.toMatchObject({ code: 'NETWORK', status: 404 });
});

test('onChange tells what happened, and ends with its unsubscribe function', async () => {
  const client = open();
  const [changes, late]: [Change[], Change[]] = [[], []];
  client.onChange((change) => changes.push(change));
  const unsubscribe = client.onChange((change) => late.push(change));
  const { email } = await somebody(service);
  expect(await client.me()).toBeNull();
  unsubscribe();
  await client.login({ email, password: goodPassword });
  await client.graphql('mutation { updateProfile(input: { firstName: "Grace" }) { __typename } }');
  await client.me();
  await client.logout();
  expect(reasonsOf(changes)).toEqual([
    [undefined, 'restored'],
    [email, 'login'],
    [email, 'updated'],
    [undefined, 'logout'],
  ]);
  expect(changes[2]?.user?.firstName).toBe('Grace');
  expect(late).toHaveLength(1);
  expect(client.sent).toEqual(
    ['LogIn', 'query', 'Me', 'LogOut'].map((name) =>
      name === 'query' ? expect.any(String) : name,
    ),
  );
});

test('a session continues in another process with its refresh token', async () => {
  const onTokens = vi.fn();
  const { user } = await openSession({ onTokens });
  const { refreshToken } = onTokens.mock.lastCall?.[0] ?? {};
  const later = open({ refreshToken, onTokens });
  expect(later.user).toBeUndefined();
  expect(await later.me()).toEqual(user);
  expect(onTokens.mock.lastCall?.[0].refreshToken).not.toBe(refreshToken);
  await later.logout();
  expect(onTokens.mock.lastCall).toEqual([null]);
});

test('logging out of an ended session succeeds', async () => {
  const { client } = await openSession();
  await client.graphql('mutation { logoutEverywhere { __typename } }');
  expect(await client.logout()).toMatchObject({ __typename: 'Acknowledgement' });
  expect(await client.logout()).toMatchObject({ __typename: 'Acknowledgement' });
  expect(client.user).toBeNull();
});

test('a failed logout leaves the session', async () => {
  let isDown = false;
  const { client } = await openSession({
    fetch: (input, init) => (isDown ? Promise.reject(new TypeError('down')) : fetch(input, init)),
  });
  isDown = true;
  await expect(client.logout()).rejects.toMatchObject({ code: 'NETWORK' });
  isDown = false;
  await sleep(0);
  expect(await client.me()).not.toBeNull();
});
