/** `@gatehouse-auth/client` after `close`, with a request that is under way. */
import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../../packages/client/src/client.ts';

const user = { id: 'dXNlcjox', email: 'ada@example.com' };
const tokens = { __typename: 'TokenPair', accessToken: 'a', expiresIn: 300, user };

afterEach(() => {
  vi.useRealTimers();
});

test.each([
  ['refresh', (client: Client) => client.refresh(), user],
  [
    'login',
    (client: Client) => client.login({ email: user.email, password: 'a password' }),
    { accessToken: 'a', user },
  ],
])(
  'a %s that ends after close has its result, and no refresh follows',
  async (_, start, result) => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let requests = 0;
    const client = createClient({
      url: 'http://auth.test',
      transport: 'cookie',
      fetch: async () => {
        requests += 1;
        await answered;
        return Response.json({ data: { result: tokens } });
      },
    });
    const started = start(client);
    await setImmediate();
    client.close();
    answer();
    expect(await started).toMatchObject(result);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(requests).toBe(1);
  },
);
