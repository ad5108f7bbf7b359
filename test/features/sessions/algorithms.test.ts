/** The algorithms of access tokens, and their change while services run. */
import { randomUUID } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessTokenAlgorithms } from '../../../src/crypto/access-token-algorithms.ts';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { openDatabaseWire } from '../../support/database-wire.ts';
import { assemble, partsOf } from '../../support/forge.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { somebody, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn, refresh } from '../../support/session-calls.ts';
import { until } from '../../support/until.ts';

let mail: MailServer;
beforeAll(async () => {
  mail = await startMailServer();
});
afterAll(() => mail.close());

async function keySetOf({ address }: TestService): Promise<JSONWebKeySet> {
  const response = await fetch(`${address}/.well-known/jwks.json`);
  return (await response.json()) as JSONWebKeySet; // checked by the verification
}

const algorithmOf = (token: string) => partsOf(token).header.alg;
const algorithmsIn = async (service: TestService) =>
  (await keySetOf(service)).keys.map(({ alg }) => alg);

/** Services with one clock that is moved, on one database. */
function replicasOn(database: TestDatabase) {
  const running: TestService[] = [];
  let offsetSeconds = 0;
  return {
    async start(algorithm: string): Promise<TestService> {
      const environment = { ACCESS_TOKEN_ALGORITHM: algorithm };
      const started = await startService({ database, mail, environment });
      started.advance(offsetSeconds);
      running.push(started);
      return started;
    },
    advance(seconds: number) {
      offsetSeconds += seconds;
      for (const service of running) service.advance(seconds);
    },
    async stop(service: TestService) {
      running.splice(running.indexOf(service), 1);
      await service.close();
    },
    now: () => Date.now() + offsetSeconds * 1000,
    async [Symbol.asyncDispose]() {
      await Promise.all(running.map((service) => service.close()));
      await database.drop();
    },
  };
}

/** A verifier that fetches the keys again only when they are as old as `Cache-Control` allows. */
function cachingVerifier(fetchKeys: () => Promise<JSONWebKeySet>, now: () => number) {
  let cached: { readonly at: number; readonly keys: JSONWebKeySet } | undefined;
  return async (token: string) => {
    if (!cached || now() - cached.at >= 300_000) cached = { at: now(), keys: await fetchKeys() };
    const options = { issuer: 'http://auth.test', audience: 'http://auth.test', typ: 'at+jwt' };
    const currentDate = new Date(now());
    await jwtVerify(token, createLocalJWKSet(cached.keys), { ...options, currentDate });
  };
}

describe('a change of the algorithm', () => {
  test('fails no request: not on a replica with either setting, and not for a verifier that caches keys', async () => {
    await using replicas = replicasOn(await createTestDatabase());
    const one = await replicas.start('EdDSA');
    let other = await replicas.start('EdDSA');
    const ada = await somebody(one);
    const verify = cachingVerifier(() => keySetOf(one), replicas.now);
    await verify(ada.accessToken);
    await replicas.stop(other);
    other = await replicas.start('ES256');
    await until(async () => (await algorithmsIn(one)).length === 2);
    const signed = new Set<unknown>();
    let { refreshToken } = ada;
    const checkRefresh = async () => {
      for (const service of [one, other]) {
        const next = await refresh(service, refreshToken);
        if (!next) throw new Error('the refresh was rejected');
        refreshToken = next.refreshToken;
        signed.add(algorithmOf(next.accessToken));
        expect([await isIn(one, next.accessToken), await isIn(other, next.accessToken)]).toEqual([
          true,
          true,
        ]);
        await verify(next.accessToken);
      }
    };
    for (let round = 0; round < 20; round += 1) {
      await checkRefresh();
      if (round < 11) expect([...signed]).toEqual(['EdDSA']);
      replicas.advance(50);
    }
    expect([...signed]).toEqual(['EdDSA', 'ES256']);
    for (const service of [one, other]) {
      expect(algorithmOf((await tryLogin(service, ada.email)).accessToken)).toBe('ES256');
      expect(await algorithmsIn(service)).toEqual(['ES256']);
    }
  });

  test('publishes one key when several replicas start at once, and none at the next start', async () => {
    await using replicas = replicasOn(await createTestDatabase());
    const first = await replicas.start('ES256');
    await Promise.all(Array.from({ length: 6 }, () => replicas.start('RS256')));
    expect(await algorithmsIn(first)).toEqual(['ES256', 'RS256']);
    const again = await replicas.start('RS256');
    expect(await algorithmsIn(again)).toEqual(['ES256', 'RS256']);
  });

  test('is an entry of the audit log, and keys list shows the algorithms', async () => {
    const database = await createTestDatabase();
    await using replicas = replicasOn(database);
    await replicas.start('ES256');
    await replicas.start('EdDSA');
    const environment = environmentOf(database, mail);
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCommand([...args, '--json'], { environment });
      if (code !== 0) throw new Error(stderr);
      return stdout;
    };
    const keys: { algorithm: string; state: string }[] = JSON.parse(await run('keys', 'list'));
    expect(keys.map(({ algorithm, state }) => [algorithm, state])).toEqual([
      ['EdDSA', 'published'],
      ['ES256', 'signing'],
    ]);
    const rows = await database.query<{ actor_kind: string; target_id: string }>(
      `select actor_kind, target_id from audit_entries where action = 'signing-key-rotated'`,
    );
    expect(rows).toEqual([{ actor_kind: 'system', target_id: expect.any(String) }]);
  });

  test('back and forth by replicas that differ publishes eight keys at most', async () => {
    const database = await createTestDatabase();
    await using replicas = replicasOn(database);
    let last = await replicas.start('ES256');
    for (let round = 0; round < 8; round += 1) {
      const next = await replicas.start(round % 2 === 0 ? 'EdDSA' : 'ES256');
      await replicas.stop(last);
      last = next;
    }
    expect(await database.query('select 1 from signing_keys')).toHaveLength(8);
    expect(last.logLines.some((line) => line.includes('too many signing keys'))).toBe(true);
    const ada = await somebody(last);
    for (let round = 0; round < 24; round += 1) {
      replicas.advance(50);
      expect(await isIn(last, (await tryLogin(last, ada.email)).accessToken)).toBe(true);
    }
    expect(await algorithmsIn(last)).toHaveLength(1);
  });
});

test.each(accessTokenAlgorithms)(
  'on an empty database a key for %s signs at once',
  async (algorithm) => {
    await using replicas = replicasOn(await createTestDatabase());
    const service = await replicas.start(algorithm);
    const { accessToken } = await somebody(service);
    expect(algorithmOf(accessToken)).toBe(algorithm);
    expect(await algorithmsIn(service)).toEqual([algorithm]);
    expect(await isIn(service, accessToken)).toBe(true);
  },
);

test('a token of a key that another replica publishes and uses at once is accepted', async () => {
  const database = await createTestDatabase();
  await using replicas = replicasOn(database);
  const [one, other] = [await replicas.start('ES256'), await replicas.start('ES256')];
  const ada = await somebody(one);
  // Without the trigger the other replica does not hear of the key.
  await database.query('alter table signing_keys disable trigger user');
  const { auth, unitOfWork } = one.app;
  const { keyId } = await unitOfWork.withEntityManager(() => auth.signingKeys.rotate(0));
  const { accessToken } = await tryLogin(one, ada.email);
  expect(partsOf(accessToken).header.kid).toBe(keyId);
  expect(await isIn(other, accessToken)).toBe(true);
});

test('tokens with unknown keys load the keys once a second at most', async () => {
  const database = await createTestDatabase();
  {
    await using wire = await openDatabaseWire(database.url);
    await using service = await startService({ database: { ...database, url: wire.url }, mail });
    const { accessToken } = await somebody(service);
    const { header, payload } = partsOf(accessToken);
    const forged = Array.from({ length: 16 }, () =>
      assemble({ header: { ...header, kid: randomUUID() }, payload }, 'A'.repeat(86)),
    );
    const before = wire.statements.length;
    const began = performance.now();
    const accepted = await Promise.all(forged.map((token) => isIn(service, token)));
    expect(accepted).toEqual(forged.map(() => false));
    const loads = wire.statements.slice(before).filter((text) => text.includes('signing_keys'));
    expect(loads.length).toBeGreaterThan(0);
    expect(loads.length).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - began) / 1000));
    expect(await isIn(service, accessToken)).toBe(true);
  }
  await database.drop();
});
