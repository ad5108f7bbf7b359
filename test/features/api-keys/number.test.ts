/** The number of keys of one owner: its bound, its announcements and its part of an answer. */
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Administrator, superuser } from '../../support/administrators.ts';
import { outcomeOf, tryCreateKey } from '../../support/api-keys.ts';
import { somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const sql = (text: string, parameters: unknown[]) => service.database.query(text, parameters);
const keysOf = async (token: string) =>
  (await service.graphql('{ me { apiKeys { id expiresAt } } }', {}, token)).data?.me.apiKeys;

/** Inserts keys of the user, without secrets that are known. */
async function insertKeys(
  userId: string,
  count: number,
  { expires = null, revoked = null }: { expires?: string | null; revoked?: string | null } = {},
): Promise<void> {
  await sql(
    `insert into api_keys (id, user_id, name, prefix, digest, created_at, expires_at, revoked_at)
     select gen_random_uuid(), $1, 'old', 'gk_', sha256(uuid_send(gen_random_uuid())),
       now() - interval '40 days', now() + $3::interval - n * interval '1 minute', now() + $4::interval
     from generate_series(1, $2::int) n`,
    [userId, count, expires, revoked],
  );
}

describe('an owner has at most 100 keys', () => {
  const unrevoked = async (userId: string) =>
    sql('select id from api_keys where user_id = $1 and revoked_at is null', [userId]);
  const createAtOnce = async (token: string) => {
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, async () => outcomeOf(await tryCreateKey(service, token))),
    );
    const count = (outcome: string) => outcomes.filter((each) => each === outcome).length;
    return [count('done'), count('VALIDATION_FAILED')];
  };

  test('also with 16 parallel callers', async () => {
    const { accessToken, userId } = await somebody(service);
    await insertKeys(userId, 92);
    expect(await createAtOnce(accessToken)).toEqual([8, 8]);
    expect(await unrevoked(userId)).toHaveLength(100);
  });

  test('and new ones replace the oldest expired ones, also with 16 parallel callers', async () => {
    const { accessToken, userId } = await somebody(service);
    await insertKeys(userId, 90);
    await insertKeys(userId, 10, { expires: '-1 hour' });
    expect(await createAtOnce(accessToken)).toEqual([10, 6]);
    const left = await keysOf(accessToken);
    expect(left).toHaveLength(100);
    expect(left.filter((key: { expiresAt: unknown }) => key.expiresAt)).toEqual([]);
    const entries = await sql(
      `select 1 from audit_entries where action = 'api-key-revoked' and target_id in (
         select id from api_keys where user_id = $1 and revoked_at is not null
       )`,
      [userId],
    );
    expect(entries).toHaveLength(10);
  });

  test('and the expired key that ended first is revoked first', async () => {
    const { accessToken, userId } = await somebody(service);
    await insertKeys(userId, 97);
    await insertKeys(userId, 3, { expires: '-1 hour' });
    const [first] = (await sql(
      'select id from api_keys where user_id = $1 order by expires_at limit 1',
      [userId],
    )) as { id: string }[];
    expect(outcomeOf(await tryCreateKey(service, accessToken))).toBe('done');
    const revoked = 'select id from api_keys where user_id = $1 and revoked_at is not null';
    expect(await sql(revoked, [userId])).toEqual([first]);
  });
});

test('keys of an owner never announce a change of everything', async () => {
  const heard: string[] = [];
  const listener = new Client({ connectionString: service.database.url });
  await listener.connect();
  listener.on('notification', ({ payload = '' }) => heard.push(payload));
  await listener.query('listen gatehouse_changes');
  const [one, two] = [await somebody(service), await somebody(service)];
  for (const { userId } of [one, two]) {
    await insertKeys(userId, 100);
    await insertKeys(userId, 150, { revoked: '-1 day' });
    await insertKeys(userId, 1100, { revoked: '-31 days' });
  }
  await sql("update users set status = 'DISABLED' where id = $1", [one.userId]);
  await sql('delete from users where id = $1', [two.userId]);
  await service.app.jobs.tasks['purge-api-keys']?.({}, { key: '', attempt: 1 });
  const left = 'select 1 from api_keys where user_id = $1';
  expect(await sql(left, [one.userId])).toHaveLength(250);
  await expect
    .poll(() => heard.filter((payload) => payload.startsWith('api-key:')))
    .toHaveLength(200);
  expect(heard).not.toContain('all');
  await listener.end();
});

test('the keys of a page count as items of the answer', async () => {
  await sql(
    `insert into users (id, email, status, created_at, updated_at)
     select gen_random_uuid(), gen_random_uuid() || '@example.com', 'ACTIVE', now(), now()
     from generate_series(1, 100)`,
    [],
  );
  await sql(
    `insert into api_keys (id, user_id, name, prefix, digest, created_at)
     select gen_random_uuid(), u.id, 'old', 'gk_', sha256(uuid_send(gen_random_uuid())), now()
     from users u, generate_series(1, 100) where u.first_name = ''`,
    [],
  );
  const lists = Array.from({ length: 6 }, (_, index) => `k${index}: apiKeys { id }`).join(' ');
  const { errors } = await service.graphql(
    `{ users(first: 100) { nodes { ${lists} } } }`,
    {},
    root.accessToken,
  );
  expect(errors?.[0]?.extensions).toMatchObject({
    code: 'VALIDATION_FAILED',
    fields: [{ path: 'first', message: expect.stringContaining('API keys are more than 50000') }],
  });
});
