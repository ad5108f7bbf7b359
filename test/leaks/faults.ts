/** Valid requests during a fault of the database or the mail server. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDatabase } from '../support/database.ts';
import { newAddress } from '../support/people.ts';
import type { CallResponse } from './calls.ts';
import type { Account, LeakEnv } from './scenario.ts';

/** The statements that cause a fault of the database, and those that end it. */
export const databaseFaults: readonly (readonly [fault: string, remedy: string])[] = [
  ...[
    'users',
    'password_hashes',
    'one_time_passwords',
    'registrations',
    'sessions',
    'audit_entries',
  ].map(
    (table) =>
      [`alter table ${table} rename to away`, `alter table away rename to ${table}`] as const,
  ),
  ...['users', 'password_hashes', 'one_time_passwords', 'registrations', 'sessions'].map(
    (table) =>
      [
        `alter table ${table} add constraint nothing check (false) not valid`,
        `alter table ${table} drop constraint nothing`,
      ] as const,
  ),
  [
    `create function quote() returns trigger language plpgsql as
       $$ begin raise exception 'rejected: %', new; end $$;
     create trigger quote before insert or update on sessions for each row execute function quote();
     create trigger quote before insert or update on users for each row execute function quote()`,
    'drop function quote cascade',
  ],
];

/** Every operation that takes a secret, with a valid or well-formed one. */
export async function tryAll(
  { calls, canaries }: LeakEnv,
  { email, password, accessToken, refreshToken }: Account,
): Promise<CallResponse[]> {
  const chosen = canaries.make('a password while something is broken');
  const code = canaries.watch('a random code', randomBytes(16).toString('base64url'));
  const register = { email: newAddress(), first_name: 'A', last_name: 'B', password: chosen };
  const reset = { uidb64: code, token: code, password: chosen };
  const requests: readonly (readonly [method: string, path: string, body?: object])[] = [
    ['POST', '/auth/login/', { email, password }],
    ['POST', '/auth/register/', register],
    ['GET', `/auth/register/verify?code=${code}`],
    ['GET', `/auth/password/verify/${code}/${code}/`],
    ['PUT', '/auth/password/reset/', reset],
    ['POST', '/auth/token/refresh/', { refresh_token: refreshToken }],
    ['PUT', '/auth/profile/update/', { email: newAddress(), password }],
    ['DELETE', '/auth/profile/delete/', { email, password: chosen }],
    ['POST', '/auth/admin/users/', { email: newAddress(), password: chosen }],
    ['POST', '/verify-email', { code }],
    ['GET', `/reset-password?uid=${code}&token=${code}`],
  ];
  const send = (method: string, path: string, body?: object) =>
    calls.send(method, path, {
      token: accessToken,
      ...(body ? { type: 'application/json', body: JSON.stringify(body) } : {}),
    });
  const responses = await Promise.all(requests.map((request) => send(...request)));
  // The others need the present password.
  return [...responses, await send('POST', '/graphql', changePassword(password, chosen))];
}

function changePassword(currentPassword: string, newPassword: string) {
  const inputs = `currentPassword: "${currentPassword}", newPassword: "${newPassword}"`;
  return { query: `mutation { changePassword(input: { ${inputs} }) { __typename } }` };
}

/** Every row of every table as the text of PostgreSQL, one line each. */
export async function textOf({ query }: TestDatabase): Promise<string> {
  const tables = await query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await query<{ text: string }>(`select t::text as text from ${name} t`);
    texts.push(...rows.map(({ text }) => `${name} ${text}`));
  }
  return texts.join('\n');
}

const pauseMilliseconds = 20;

/** Collects the running statements until it is stopped. */
export function watchStatements({ query }: TestDatabase): () => Promise<string> {
  const seen = new Set<string>();
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const rows = await query<{ query: string }>('select query from pg_stat_activity');
      for (const row of rows) seen.add(row.query);
      await sleep(pauseMilliseconds);
    }
  })();
  return async () => {
    isOver = true;
    await watching;
    return [...seen].join('\n');
  };
}
