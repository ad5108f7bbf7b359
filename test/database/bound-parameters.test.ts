/** Values go beside the statements, in MikroORM's notation of them and in those it writes itself. */
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

test('running statements show no value to those who may look at them', async () => {
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
  for (const secret of [email, goodPassword, '$argon2', 'a-token-of-22']) {
    expect(texts).not.toContain(secret);
  }
});

test('every kind of value arrives as it was', async () => {
  const at = new Date('2026-01-31T12:00:00.123Z');
  const text = "it's \\ a ? text; $1";
  const [row] = await ask(
    `select ?::text as text, ?::timestamptz = '2026-01-31T12:00:00.123Z' as at, ?::int as number,
       ?::jsonb as json, ?::boolean as flag, ?::text as nothing, ?::bytea as bytes,
       '{"a":1}'::jsonb \\? 'a' as mark, 2 in (?) as listed, ?? as name from (select 7 as "a b") t`,
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
