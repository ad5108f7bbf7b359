/** The signing keys of access tokens: rotation from the command line while two services run. */
import { createHash, randomUUID } from 'node:crypto';
import { exportJWK, importPKCS8, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AppContext } from '../../../src/bootstrap/app-context.ts';
import { generateSigningKey } from '../../../src/crypto/access-token-keys.ts';
import { deriveKey } from '../../../src/crypto/keys.ts';
import { seal, unseal } from '../../../src/crypto/sealed-box.ts';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { ownKeyOf, partsOf, sign } from '../../support/forge.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { somebody, tryLogin } from '../../support/people.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { expectRefusal } from '../../support/refusals.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn, refresh } from '../../support/session-calls.ts';
import { until } from '../../support/until.ts';

interface Listed {
  readonly keyId: string;
  readonly state: string;
  readonly createdAt: string;
  readonly signsFrom: string;
}

interface Replicas extends AsyncDisposable {
  readonly database: TestDatabase;
  readonly one: TestService;
  readonly other: TestService;
  readonly ada: Awaited<ReturnType<typeof somebody>>;
  /** Advances the clocks of both services, not that of the command line. */
  advance(seconds: number): void;
  /** `gatehouse keys list`, newest first. */
  list(): Promise<readonly Listed[]>;
  /** `gatehouse keys rotate --lead …`. */
  rotate(lead?: number): Promise<Listed>;
}

let mail: MailServer;
let single: TestService;
let ada: Awaited<ReturnType<typeof somebody>>;
beforeAll(async () => {
  mail = await startMailServer();
  single = await startService({ mail });
  ada = await somebody(single);
});
afterAll(async () => {
  await single.close();
  await mail.close();
});

async function startReplicas(): Promise<Replicas> {
  const database = await createTestDatabase();
  const environment = environmentOf(database, mail);
  const options = { database, mail, environment };
  const [one, other] = await Promise.all([startService(options), startService(options)]);
  const command = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCommand(['keys', ...args, '--json'], { environment });
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  };
  return {
    database,
    one,
    other,
    ada: await somebody(one),
    advance(seconds) {
      for (const service of [one, other]) service.advance(seconds);
    },
    list: () => command('list'),
    rotate: (lead) => command('rotate', ...(lead === undefined ? [] : ['--lead', String(lead)])),
    async [Symbol.asyncDispose]() {
      await Promise.all([one.close(), other.close()]);
      await database.drop();
    },
  };
}

async function jwksOf({ address }: TestService) {
  const response = await fetch(`${address}/.well-known/jwks.json`);
  const { keys } = (await response.json()) as { keys: JWK[] }; // checked below
  return { response, keys, ids: keys.map(({ kid }) => kid) };
}

const keyIdOf = (token: string) => partsOf(token).header.kid;
/** Waits until both services publish exactly these keys, without a restart. */
const untilPublished = ({ one, other }: Replicas, ids: readonly string[]) =>
  until(async () => {
    const published = await Promise.all([jwksOf(one), jwksOf(other)]);
    return published.every((it) => String(it.ids.toSorted()) === String(ids.toSorted()));
  });

describe('the published keys', () => {
  test('have public members only, may be cached for five minutes, and include the key of a new token', async () => {
    const { response, keys } = await jwksOf(single);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    expect(keys).toEqual([
      {
        kid: keyIdOf(ada.accessToken),
        kty: 'EC',
        crv: 'P-256',
        use: 'sig',
        alg: 'ES256',
        x: expect.stringMatching(/^[\w-]{43}$/),
        y: expect.stringMatching(/^[\w-]{43}$/),
      },
    ]);
  });

  test('are the same on replicas that start in parallel with an empty table', async () => {
    const database = await createTestDatabase();
    const options = { database, mail };
    const services = await Promise.all(Array.from({ length: 4 }, () => startService(options)));
    const published = await Promise.all(services.map(async (it) => (await jwksOf(it)).keys));
    expect(new Set(published.map((keys) => JSON.stringify(keys))).size).toBe(1);
    expect(published[0]).toHaveLength(1);
    await Promise.all(services.map((service) => service.close()));
    await database.drop();
  });
});

test('the database contains no private key and no refresh token', async () => {
  const { database, app } = single;
  const bob = await somebody(single);
  const leaf = await refresh(single, bob.refreshToken);
  const [row] = await database.query<{ id: string; sealed_private_key: Buffer }>(
    'select id, sealed_private_key from signing_keys',
  );
  if (!row || !leaf) throw new Error('there is no key, or no token');
  const sealingKey = sealingKeyOf(app);
  const pem = unseal(sealingKey, row.id, row.sealed_private_key).toString();
  const { d = '' } = await exportJWK(await importPKCS8(pem, 'ES256', { extractable: true }));
  expect(d).toHaveLength(43);
  const secrets = [bob, leaf].flatMap(({ accessToken, refreshToken }) => [
    refreshToken,
    accessToken.split('.')[2] ?? '',
    createHash('sha256').update(refreshToken).digest('hex'),
  ]);
  const bytes = [pem, Buffer.from(d, 'base64url'), Buffer.from(leaf.refreshToken, 'base64url')];
  const forms = bytes.flatMap((it) =>
    (['hex', 'base64', 'base64url', 'latin1'] as const).map((form) =>
      Buffer.from(it).toString(form),
    ),
  );
  const dump = await dumpOf(database);
  expect(dump).toContain(row.id);
  expect(dump).toContain(bob.email);
  for (const secret of [...secrets, ...forms, d, 'PRIVATE KEY']) {
    expect(dump.includes(secret)).toBe(false);
  }
});

/** Every row of every table, as text. */
async function dumpOf(database: TestDatabase): Promise<string> {
  const tables = await database.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const rows = [];
  for (const { name } of tables) {
    rows.push(...(await database.query<{ line: string }>(`select t::text as line from ${name} t`)));
  }
  return rows.map(({ line }) => line).join('\n');
}

describe('a key rotation', () => {
  test('without a lead time creates a key that signs at once on both replicas, and ends no session', async () => {
    await using replicas = await startReplicas();
    const { one, other, ada } = replicas;
    const oldKey = String(keyIdOf(ada.accessToken));
    const created = await replicas.rotate(0);
    expect(created).toMatchObject({ state: 'signing' });
    await untilPublished(replicas, [oldKey, created.keyId]);
    for (const service of [one, other]) {
      const { accessToken } = await tryLogin(service, ada.email);
      expect(keyIdOf(accessToken)).toBe(created.keyId);
      for (const token of [accessToken, ada.accessToken]) {
        expect([await isIn(one, token), await isIn(other, token)]).toEqual([true, true]);
      }
    }
    expect((await replicas.list()).map(({ keyId, state }) => [keyId, state])).toEqual([
      [created.keyId, 'signing'],
      [oldKey, 'verifying'],
    ]);
  });

  test('publishes a key ten minutes before it signs; the old one verifies until its last token has expired', async () => {
    await using replicas = await startReplicas();
    const { one, other, ada, advance } = replicas;
    const old = await ownKeyOf(one);
    const created = await replicas.rotate();
    expect(created).toMatchObject({ state: 'published' });
    const lead = Date.parse(created.signsFrom) - Date.parse(created.createdAt);
    expect(Math.round(lead / 1000)).toBe(600);
    await untilPublished(replicas, [old.keyId, created.keyId]);

    advance(580);
    const late = await tryLogin(one, ada.email);
    expect(keyIdOf(late.accessToken)).toBe(old.keyId);
    advance(25);
    for (const service of [one, other]) {
      expect(keyIdOf((await tryLogin(service, ada.email)).accessToken)).toBe(created.keyId);
      expect(await isIn(service, late.accessToken)).toBe(true);
    }
    const next = await refresh(other, late.refreshToken);
    expect(keyIdOf(next?.accessToken ?? '')).toBe(created.keyId);
    expect(await isIn(one, next?.accessToken ?? '')).toBe(true);

    advance(230);
    expect(await isIn(other, late.accessToken)).toBe(true);
    advance(150);
    await untilPublished(replicas, [created.keyId]);
    const { accessToken } = await tryLogin(one, ada.email);
    const { header, payload } = partsOf(accessToken);
    const forged = await sign({ header: { ...header, kid: old.keyId }, payload }, old.privateKey);
    for (const service of [one, other]) await expectUnauthenticated(service, forged);
    expect(await isIn(other, accessToken)).toBe(true);
  });

  test('without a lead time signs before a scheduled key does, and removes expired keys', async () => {
    await using service = await startService({ mail });
    const ada = await somebody(service);
    const { auth, unitOfWork } = service.app;
    const rotate = async (lead: number) =>
      (await unitOfWork.withEntityManager(() => auth.signingKeys.rotate(lead))).keyId;
    const signingNow = async () => keyIdOf((await tryLogin(service, ada.email)).accessToken);
    const scheduled = await rotate(600);
    const now = await rotate(0);
    expect(await signingNow()).toBe(now);
    service.advance(605);
    expect(await signingNow()).toBe(scheduled);
    expect((await jwksOf(service)).ids).toEqual([now, scheduled]);
    service.advance(365);
    const last = await rotate(0);
    const rows = await service.database.query<{ id: string }>('select id from signing_keys');
    expect(rows.map(({ id }) => id).sort()).toEqual([scheduled, last].sort());
  });

  test('keeps the old key for a minute after its last token, for clocks that differ', async () => {
    await using service = await startService({ mail });
    const { auth, unitOfWork } = service.app;
    const [oldKey] = (await jwksOf(service)).ids;
    const { keyId } = await unitOfWork.withEntityManager(() => auth.signingKeys.rotate(0));
    service.advance(300 + 55);
    expect((await jwksOf(service)).ids).toEqual([oldKey, keyId]);
    service.advance(10);
    expect((await jwksOf(service)).ids).toEqual([keyId]);
  });

  test('takes whole seconds only', async () => {
    const database = await createTestDatabase();
    const environment = environmentOf(database);
    const commands = ['-1', '1.5', ''].map(async (lead) => {
      const { code, stderr } = await runCommand(['keys', 'rotate', `--lead=${lead}`], {
        environment,
      });
      return [code, stderr.split('\n')[0]];
    });
    expect(await Promise.all(commands)).toEqual(
      Array(3).fill([2, '--lead takes seconds, 0 or more.']),
    );
    expect(await database.query('select 1 from signing_keys')).toEqual([]);
    await database.drop();
  });
});

describe('a key', () => {
  const failedReloads = () =>
    single.logLines.filter((line) => line.includes('signing keys could not be reloaded')).length;

  test('that is deleted from the database is rejected, also for tokens in constant use', async () => {
    const { auth, unitOfWork } = single.app;
    await unitOfWork.withEntityManager(() => auth.signingKeys.rotate(0));
    expect(await isIn(single, ada.accessToken)).toBe(true);
    const requests = Array.from({ length: 8 }, () =>
      until(async () => !(await isIn(single, ada.accessToken))),
    );
    await single.database.query('delete from signing_keys where id = $1', [
      keyIdOf(ada.accessToken),
    ]);
    await Promise.all(requests);
    await expectUnauthenticated(single, ada.accessToken);
    expect(await refresh(single, ada.refreshToken)).toBeDefined();
  });

  test('that cannot be loaded at first is loaded as soon as possible', async () => {
    const { database, app } = single;
    await database.query('alter table signing_keys rename to keys_away');
    const id = await insertKey(database, sealingKeyOf(app), 'keys_away');
    await until(() => failedReloads() > 0);
    await database.query('alter table keys_away rename to signing_keys');
    await until(async () => (await jwksOf(single)).ids.includes(id));
    expect(keyIdOf((await tryLogin(single, ada.email)).accessToken)).toBe(id);
  });

  // This test is last, because the service loads no other keys while this one exists.
  test('that is inserted without SECRET_KEY neither signs nor verifies', async () => {
    const before = failedReloads();
    const { accessToken } = await tryLogin(single, ada.email);
    const id = await insertKey(single.database, deriveKey('x'.repeat(40), 'signing-key-seal'));
    await until(() => failedReloads() > before);
    expect((await jwksOf(single)).ids).not.toContain(id);
    const next = await tryLogin(single, ada.email);
    expect(keyIdOf(next.accessToken)).toBe(keyIdOf(accessToken));
    for (const token of [accessToken, next.accessToken]) {
      expect(await isIn(single, token)).toBe(true);
    }
  });
});

const sealingKeyOf = ({ config }: AppContext) =>
  deriveKey(config.secretKey ?? '', 'signing-key-seal');

async function insertKey(database: TestDatabase, sealingKey: Buffer, table = 'signing_keys') {
  const { publicJwk, privatePem } = await generateSigningKey('ES256');
  const id = randomUUID();
  await database.query(
    `insert into ${table} (id, public_jwk, sealed_private_key, created_at, signs_from)
     values ($1, $2, $3, now(), now())`,
    [id, publicJwk, seal(sealingKey, id, Buffer.from(privatePem))],
  );
  return id;
}

async function expectUnauthenticated({ address }: TestService, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const rest = await rawRequest(address, ['GET', '/auth/profile/view/'], { headers });
  expectRefusal(rest, 'UNAUTHENTICATED');
  expect(rest.headers['www-authenticate']).toMatch(/^Bearer\b/);
}
