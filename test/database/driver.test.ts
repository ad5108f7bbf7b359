/** Values are bound parameters, in plain SQL and in that of MikroORM. Times are read as dates. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { goodPassword, newAddress, register, tryLogin } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const ask = (sql: string, parameters: readonly unknown[]) =>
  service.app.unitOfWork.withEntityManager(() => service.app.unitOfWork.query(sql, parameters));

test('pg_stat_activity shows no value of a statement', async () => {
  const { email } = await register(service, { email: newAddress() });
  await tryLogin(service, email);
  await service.graphql(
    'mutation ($u: String!, $t: String!) { resetPassword(input: {uid: $u, token: $t, password: "x", passwordConfirmation: "x"}) { __typename } }',
    { u: 'dWlk', t: 'a-token-of-22-letters0' },
  );
  const rows = await service.database.query<{ query: string }>(
    'select query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  );
  const texts = rows.map(({ query }) => query).join('\n');
  expect(texts).toMatch(/\$1/);
  for (const secret of [email, goodPassword, '$argon2id$v', 'a-token-of-22']) {
    expect(texts).not.toContain(secret);
  }
});

test('values of every type arrive unchanged', async () => {
  const at = new Date('2026-01-31T12:00:00.123Z');
  const text = "it's \\ a ? text; $1";
  const [row] = await ask(
    `select ?::text as text, ?::timestamptz = '2026-01-31T12:00:00.123Z' as at, ?::int as number,
       ?::jsonb as json, ?::boolean as flag, ?::text as nothing, ?::bytea as bytes,
       '{"a":1}'::jsonb \\? 'a' as mark, 2 = any(?::int[]) as listed, ?? as name from (select 7 as "a b") t`,
    [text, at, 41, { a: [1, text] }, true, null, Buffer.from([0, 255]), [1, 2], 'a b'],
  );
  expect(row).toEqual({
    text,
    at: true,
    number: 41,
    json: { a: [1, text] },
    flag: true,
    nothing: null,
    bytes: Buffer.from([0, 255]),
    mark: true,
    listed: true,
    name: 7,
  });
});

test('times of plain SQL are dates', async () => {
  const at = new Date('2026-01-31T12:00:00.123Z');
  const [row] = await ask('select ?::timestamptz as at, null::timestamptz as nothing', [at]);
  expect(row).toEqual({ at, nothing: null });
});

test('an array is one parameter of a statement', async () => {
  const texts = ["it's", 'a "b", {c}', '', '\\'];
  const [row] = await ask(
    'select ?::text[] as texts, cardinality(?::uuid[]) as ids, ?::bigint[] as none',
    [texts, [], null],
  );
  expect(row).toEqual({ texts, ids: 0, none: null });
});
