/** `@gatehouse-auth/verify` in another service: the built package, a real feed, and the verification without a feed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  VerificationFailure,
  Verifier,
  VerifierOptions,
} from '../../packages/verify/src/verify.ts';
import { blocksOf } from '../docs/pages.ts';
import { createClient } from '../support/client.ts';
import { environmentOf, startServer } from '../support/command.ts';
import { createTestDatabase } from '../support/database.ts';
import { openDatabaseWire } from '../support/database-wire.ts';
import { ownKeyOf, partsOf, sign } from '../support/forge.ts';
import { freePort } from '../support/free-port.ts';
import { somebody, tryLogin } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';
import { isIn, logOut, sessionIdOf } from '../support/session-calls.ts';
import { until } from '../support/until.ts';

/** Not resolved by the compiler: `npm run build` creates it. */
const builtFile: string = '../../packages/verify/dist/verify.js';
const { createVerifier, VerificationError }: typeof import('../../packages/verify/src/verify.ts') =
  await import(builtFile);

const feedKey = 'feed-key-of-the-tests-0123456789-abcdef';
const issuer = 'http://auth.test';
const withFeed = { environment: { REVOCATION_FEED_KEY: feedKey } };
const maxSilenceSeconds = 2;
/** Milliseconds: the tolerated silence, and a bound for a busy machine. */
const silenceBound = maxSilenceSeconds * 1000 + 1000;

/** The messages of a verifier, instead of the console. */
function memoryLog() {
  const lines: string[] = [];
  const push = (message: string) => void lines.push(message);
  return { lines, warn: push, info: push };
}

const open: Verifier[] = [];
afterAll(() => {
  for (const verifier of open) verifier.close();
});

function verifierOf(baseUrl: string, options: Partial<VerifierOptions> = {}): Verifier {
  const verifier = createVerifier({ issuer, baseUrl, log: memoryLog(), ...options });
  open.push(verifier);
  return verifier;
}

const followerOf = (baseUrl: string, key = feedKey) =>
  verifierOf(baseUrl, { revocations: { key, maxSilenceSeconds } });

/** The result for a token: accepted, or the code of its refusal. */
async function labelsOf(
  verifier: Verifier,
  accessToken: string,
): Promise<'accepted' | VerificationFailure> {
  try {
    await verifier.verify(accessToken);
    return 'accepted';
  } catch (error) {
    if (error instanceof VerificationError) return error.code;
    throw error;
  }
}

const timeUntil = (
  verifier: Verifier,
  accessToken: string,
  outcome: Awaited<ReturnType<typeof labelsOf>>,
) => until(async () => (await labelsOf(verifier, accessToken)) === outcome);

let service: TestService;
let ada: Awaited<ReturnType<typeof somebody>>;
beforeAll(async () => {
  service = await startService(withFeed);
  ada = await somebody(service);
});
afterAll(() => service.close());

describe('with the keys alone', () => {
  test('a token has a user, a session, a client and an expiry', async () => {
    const verified = await verifierOf(service.address).verify(ada.accessToken);
    const { payload } = partsOf(ada.accessToken);
    expect(verified).toEqual({
      userId: ada.userId,
      sessionId: sessionIdOf(ada.accessToken),
      clientId: 'gatehouse',
      expiresAt: new Date(Number(payload.exp) * 1000),
      claims: payload,
    });
  });

  test('an invalid token is INVALID_TOKEN', async () => {
    const { privateKey } = await ownKeyOf(service);
    const { header, payload } = partsOf(ada.accessToken);
    const past = Math.floor(Date.now() / 1000) - 1;
    const bad = [
      '',
      'nonsense',
      ada.refreshToken,
      ada.accessToken.slice(0, -1),
      `${ada.accessToken}.`,
      `${ada.accessToken.split('.').slice(0, 2).join('.')}.`,
      await sign({ header: { ...header, kid: 'unknown' }, payload }, privateKey),
      await sign({ header: { ...header, kid: undefined }, payload }, privateKey),
      await sign({ header: { ...header, typ: 'JWT' }, payload }, privateKey),
      await sign({ header, payload: { ...payload, exp: past } }, privateKey),
      await sign({ header, payload: { ...payload, sid: undefined } }, privateKey),
      await sign({ header, payload: { ...payload, aud: 'http://other.test' } }, privateKey),
      await sign({ header: { ...header, alg: 'HS256' }, payload }, Buffer.alloc(32)),
    ];
    const verifier = verifierOf(service.address);
    const outcomes = await Promise.all(bad.map((token) => labelsOf(verifier, token)));
    expect(outcomes).toEqual(bad.map(() => 'INVALID_TOKEN'));
    const ofOther = verifierOf(service.address, { issuer: 'http://other.test' });
    expect(await labelsOf(ofOther, ada.accessToken)).toBe('INVALID_TOKEN');
  });

  test('without the keys a token is UNAVAILABLE, and the keys are fetched once', async () => {
    const port = String(await freePort());
    const verifier = verifierOf(`http://127.0.0.1:${port}`);
    await using own = await startService({ environment: { PORT: port } });
    const { accessToken } = await somebody(own);
    const unreachable = verifierOf(`http://127.0.0.1:${await freePort()}`);
    expect(await labelsOf(unreachable, accessToken)).toBe('UNAVAILABLE');
    const wrong = verifierOf(`${own.address}/nothing/here`);
    expect(await labelsOf(wrong, accessToken)).toBe('UNAVAILABLE');
    for (let round = 0; round < 20; round += 1) {
      expect(await labelsOf(verifier, accessToken)).toBe('accepted');
    }
    const asked = own.logLines.filter((line) => line.includes('"route":"/.well-known/jwks.json"'));
    expect(asked).toHaveLength(1);
  });

  test('tokens of a key that signs at once are accepted within seconds', async () => {
    const verifier = verifierOf(service.address);
    expect(await labelsOf(verifier, ada.accessToken)).toBe('accepted');
    const { auth, unitOfWork } = service.app;
    await unitOfWork.withEntityManager(() => auth.signingKeys.rotate(0));
    const { accessToken } = await tryLogin(service, ada.email);
    await timeUntil(verifier, accessToken, 'accepted');
    expect(await labelsOf(verifier, ada.accessToken)).toBe('accepted');
  });
});

describe('with the feed', () => {
  let follower: Verifier;
  beforeAll(async () => {
    follower = followerOf(service.address);
    await follower.ready();
  });

  /** More than the number of separate announcements. */
  const openMany = (userId: string) =>
    service.database.query(
      `insert into sessions (id, user_id, created_at, last_used_at, expires_at, ip_address, user_agent)
       select gen_random_uuid(), $1, now(), now(), now() + interval '1 day', '', ''
       from generate_series(1, 150)`,
      [userId],
    );

  const ends: Readonly<Record<string, (bob: typeof ada) => Promise<unknown>>> = {
    'a logout': ({ accessToken }) => logOut(service, accessToken),
    'logging out everywhere': ({ accessToken }) =>
      service.rest('DELETE', '/logout/', { token: accessToken }),
    'a disabled account': ({ userId }) =>
      service.database.query("update users set status = 'DISABLED' where id = $1", [userId]),
    'a deleted account': ({ userId }) =>
      service.database.query('delete from users where id = $1', [userId]),
    'an end among 150': async ({ userId }) => {
      await openMany(userId);
      await service.database.query('update sessions set ended_at = now() where user_id = $1', [
        userId,
      ]);
    },
    'a deleted account with 150 sessions': async ({ userId }) => {
      await openMany(userId);
      await service.database.query('delete from users where id = $1', [userId]);
    },
  };

  test.each(Object.entries(ends))('%s takes effect within a second', async (_what, end) => {
    const bob = await somebody(service);
    const { accessToken } = bob;
    expect(await labelsOf(follower, accessToken)).toBe('accepted');
    await end(bob);
    expect(await timeUntil(follower, accessToken, 'REVOKED')).toBeLessThan(1000);
    expect(await labelsOf(follower, ada.accessToken)).toBe('accepted');
  });

  test('sessions that ended before the start of a verifier are revoked from the beginning, deleted or not', async () => {
    const [bob, eve] = [await somebody(service), await somebody(service)];
    await logOut(service, bob.accessToken);
    await service.database.query('delete from users where id = $1', [eve.userId]);
    const late = followerOf(service.address);
    await late.ready();
    expect(await labelsOf(late, bob.accessToken)).toBe('REVOKED');
    expect(await labelsOf(late, eve.accessToken)).toBe('REVOKED');
    expect(await labelsOf(late, ada.accessToken)).toBe('accepted');
  });

  test('no token is accepted before the first event', async () => {
    const early = followerOf(service.address);
    expect(await labelsOf(early, ada.accessToken)).toBe('UNAVAILABLE');
  });

  test.each([
    ['the wrong key', () => followerOf(service.address, `${feedKey}x`)],
    ['no key', () => followerOf(service.address, '')],
  ])('with %s it is never ready, and no token is accepted', async (_what, follow) => {
    const verifier = follow();
    const silence = new Promise((resolve) => setTimeout(resolve, 700, 'silence'));
    expect(await Promise.race([verifier.ready(), silence])).toBe('silence');
    expect(await labelsOf(verifier, ada.accessToken)).toBe('UNAVAILABLE');
  });

  test('no token is accepted before the feed is ready', async () => {
    const events = ['ended","sessionId":"01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9', 'heartbeat'];
    const halfway = createServer(async ({ url }, response) => {
      if (url === '/revocations') {
        for (const event of events) response.write(`data: {"type":"${event}"}\n\n`);
      } else response.end(await (await fetch(`${service.address}${url}`)).text());
    }).listen(0, '127.0.0.1');
    await once(halfway, 'listening');
    const { port } = halfway.address() as AddressInfo; // listens on TCP
    const verifier = followerOf(`http://127.0.0.1:${port}`);
    for (let round = 0; round < 10; round += 1) {
      await sleep(30);
      expect(await labelsOf(verifier, ada.accessToken)).toBe('UNAVAILABLE');
    }
    verifier.close();
    halfway.closeAllConnections();
    halfway.close();
  });

  test('a service without REVOCATION_FEED_KEY has no feed', async () => {
    await using own = await startService();
    const headers = { authorization: `Bearer ${feedKey}` };
    expect((await fetch(`${own.address}/revocations`, { headers })).status).toBe(404);
    const open = await fetch(`${service.address}/revocations`);
    expect([open.status, open.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Bearer/),
    ]);
  });
});

describe.concurrent('a feed that is silent', () => {
  test('of a paused service: UNAVAILABLE, and afterwards sessions that ended meanwhile are revoked', async () => {
    const database = await createTestDatabase();
    const environment = { ...environmentOf(database), ...withFeed.environment };
    const other = await startService({ database, environment });
    const [bob, eve] = [await somebody(other), await somebody(other)];
    const server = await startServer({ environment, limitMilliseconds: 60_000 });
    try {
      const follower = followerOf(server.address);
      await follower.ready();
      expect(await labelsOf(follower, bob.accessToken)).toBe('accepted');
      process.kill(server.pid, 'SIGSTOP');
      try {
        expect(await timeUntil(follower, bob.accessToken, 'UNAVAILABLE')).toBeLessThan(
          silenceBound,
        );
        await logOut(other, eve.accessToken);
      } finally {
        process.kill(server.pid, 'SIGCONT');
      }
      await timeUntil(follower, bob.accessToken, 'accepted');
      expect(await labelsOf(follower, eve.accessToken)).toBe('REVOKED');
      expect(await isIn(createClient(server.address), eve.accessToken)).toBe(false);
    } finally {
      await server.end('SIGTERM');
      await other.close();
      await database.drop();
    }
  });

  test('of a stopped service: UNAVAILABLE, and afterwards sessions that ended meanwhile are revoked', async () => {
    const database = await createTestDatabase();
    const port = String(await freePort());
    const options = { database, environment: { ...withFeed.environment, PORT: port } };
    const first = await startService(options);
    const [bob, eve] = [await somebody(first), await somebody(first)];
    const follower = followerOf(first.address);
    await follower.ready();
    expect(await labelsOf(follower, bob.accessToken)).toBe('accepted');
    await first.close();
    expect(await timeUntil(follower, bob.accessToken, 'UNAVAILABLE')).toBeLessThan(silenceBound);
    await database.query('update sessions set ended_at = now() where id = $1', [
      sessionIdOf(eve.accessToken),
    ]);
    expect(await labelsOf(follower, eve.accessToken)).toBe('UNAVAILABLE');
    {
      await using _again = await startService(options);
      await timeUntil(follower, bob.accessToken, 'accepted');
      expect(await labelsOf(follower, eve.accessToken)).toBe('REVOKED');
    }
    await database.drop();
  });

  test('of a service without its change feed: UNAVAILABLE, and afterwards sessions that ended meanwhile are revoked', async () => {
    const database = await createTestDatabase();
    await using wire = await openDatabaseWire(database.url);
    {
      await using served = await startService({
        database: { ...database, url: wire.url },
        ...withFeed,
      });
      const [bob, eve] = [await somebody(served), await somebody(served)];
      const follower = followerOf(served.address);
      await follower.ready();
      expect(await labelsOf(follower, bob.accessToken)).toBe('accepted');
      const { reached, release } = wire.holdAnswerTo(/^listen gatehouse_changes/);
      await database.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'gatehouse-change-feed' and datname = current_database()`,
      );
      await reached;
      await database.query('update sessions set ended_at = now() where id = $1', [
        sessionIdOf(eve.accessToken),
      ]);
      expect(await timeUntil(follower, bob.accessToken, 'UNAVAILABLE')).toBeLessThan(silenceBound);
      release();
      await timeUntil(follower, bob.accessToken, 'accepted');
      expect(await labelsOf(follower, eve.accessToken)).toBe('REVOKED');
    }
    await database.drop();
  });
});

describe('the example of the documentation', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  let server: ChildProcess;
  let address: string;
  beforeAll(async () => {
    const file = `${root}/packages/verify/dist/documented-example.mjs`; // it imports the package by its name
    const [example] = blocksOf('docs/verifying-tokens.md').filter(
      ({ info }) => info === 'js verifier',
    );
    await writeFile(file, example?.text ?? '');
    const port = String(await freePort());
    address = `http://127.0.0.1:${port}`;
    server = spawn(process.execPath, [file], {
      env: {
        PORT: port,
        GATEHOUSE_URL: service.address,
        GATEHOUSE_ISSUER: issuer,
        REVOCATION_FEED_KEY: feedKey,
      },
      stdio: 'inherit',
    });
    await until(async () => (await ask(ada.accessToken)) === 200);
  });
  afterAll(async () => {
    server.kill('SIGTERM');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  });

  const ask = (token?: string) =>
    fetch(address, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    }).then(
      ({ status }) => status,
      () => 0,
    );

  test('greets logged-in users only', async () => {
    const headers = { authorization: `Bearer ${ada.accessToken}` };
    const response = await fetch(address, { headers });
    expect([response.status, await response.text()]).toEqual([
      200,
      expect.stringContaining(ada.userId),
    ]);
    const refused = await fetch(address);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringMatching(/^Bearer/),
    ]);
    expect(await ask(`${ada.accessToken}x`)).toBe(401);
  });

  test('rejects a user within a second after logout', async () => {
    const bob = await somebody(service);
    expect(await ask(bob.accessToken)).toBe(200);
    await logOut(service, bob.accessToken);
    expect(await until(async () => (await ask(bob.accessToken)) === 401)).toBeLessThan(1000);
    expect(await ask(ada.accessToken)).toBe(200);
  });
});
