/** Latency with more users, and with more sessions or permissions of one user. */
import { v7 as uuidv7 } from 'uuid';
import { apolloClientRequest, type ClientRequest, requestOf, usual } from '../clients/requests.ts';
import type { BenchDatabase, BenchEnv } from '../env.ts';
import { addressOf, ask, logIn, loginRequest, nameOf, seedPeople } from '../people.ts';
import { residentMegabytes, type ServerProcess } from '../process.ts';
import type { Figure, PartResult } from '../report.ts';
import {
  type Effort,
  httpSubject,
  interleave,
  type Measurement,
  named,
  ratio,
  type Sample,
  type Subject,
} from '../sampling.ts';

/** Few concurrent requests, to measure the latency without a queue. */
const connections = 4;
const flat = 1.2;

interface Variant {
  /** Such as `1000 users`. */
  readonly name: string;
  readonly server: ServerProcess;
  readonly person: number;
}

type MakeSubject = (variant: Variant) => Promise<Subject>;

export async function measureGrowth(env: BenchEnv): Promise<PartResult> {
  const byUsers = await growthOfUsers(env);
  const byOne = await growthOfOne(env);
  return {
    measured: [...byUsers.measured, ...byOne.measured],
    ratios: [...byUsers.ratios, ...byOne.ratios],
  };
}

/** A server and a database for each size at the same time, so that the rounds can alternate. */
async function growthOfUsers(env: BenchEnv): Promise<PartResult> {
  await using servers = new AsyncDisposableStack();
  const variants: Variant[] = [];
  for (const users of env.isQuick ? [1_000, 20_000] : [1_000, 100_000, 1_000_000]) {
    const database = await env.database(`growth_${users}`);
    const server = servers.use(await env.gatehouse(database));
    await seedPeople(database, users);
    await makeAdministrator(database);
    variants.push({ name: `${users} users`, server, person: 1 });
  }
  const kinds = {
    me,
    login,
    refreshTokens,
    'first page': firstPage,
    search,
    'search by address': searchByAddress,
  };
  const { measured, ratios } = await compare(variants, kinds, env);
  const memory = variants.map(
    ({ name, server }): Figure => ({
      metric: `resident memory after load, ${name}`,
      value: residentMegabytes(server.pid) ?? Number.NaN,
      unit: 'MB',
    }),
  );
  const pages = await compareThousandthPage(variants, env);
  return {
    measured: [...measured, ...pages.measured],
    ratios: [...ratios, ...memory, ...pages.ratios],
  };
}

/** One server with users that have different numbers of sessions or permissions. */
async function growthOfOne(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('growth_of_one');
  await using server = await env.gatehouse(database);
  const sizes = [1, 10, 100, 1000];
  await seedPeople(database, 2 * sizes.length);
  const results: PartResult[] = [];
  for (const [offset, unit, add, kinds] of [
    [1, 'sessions', addSessions, { me, login, refreshTokens }],
    [1 + sizes.length, 'permissions', addPermissions, { me, hasPermission }],
  ] as const) {
    const variants: Variant[] = [];
    for (const [index, size] of sizes.entries()) {
      await add(database, offset + index, size);
      variants.push({ name: `${size} ${unit}`, server, person: offset + index });
    }
    results.push(await compare(variants, kinds, env));
  }
  const memory = residentMegabytes(server.pid) ?? Number.NaN;
  return {
    measured: results.flatMap(({ measured }) => measured),
    ratios: [
      ...results.flatMap(({ ratios }) => ratios),
      { metric: 'resident memory after load', value: memory, unit: 'MB' },
    ],
  };
}

/** Each kind of request in each variant in turn; the largest variant relative to the smallest. */
async function compare(
  variants: readonly Variant[],
  kinds: Readonly<Record<string, MakeSubject>>,
  env: BenchEnv,
): Promise<PartResult> {
  const measured: Measurement[] = [];
  const ratios: Figure[] = [];
  const title = (kind: string, variant: Variant | undefined) => `${kind}, ${variant?.name}`;
  for (const [kind, make] of Object.entries(kinds)) {
    const subjects: Subject[] = [];
    for (const variant of variants) {
      subjects.push({ ...(await make(variant)), name: title(kind, variant) });
    }
    const ofKind = await interleave(subjects, shortRounds(env));
    measured.push(...ofKind);
    const [smallest, largest] = [variants[0], variants.at(-1)];
    ratios.push({
      metric: `${kind}: p50 with ${largest?.name}, with ${smallest?.name} = 1`,
      value: ratio(named(ofKind, title(kind, largest)), named(ofKind, title(kind, smallest)), p50),
      atMost: flat,
    });
  }
  return { measured, ratios };
}

/** Short rounds, because there are many subjects and a latency needs few samples. */
const shortRounds = ({ effort }: BenchEnv): Effort => ({
  ...effort,
  seconds: 2,
  warmUpSeconds: 1,
});

const p50 = (sample: Sample) => sample.p50;

async function logInAs({ server, person }: Variant): Promise<string> {
  return (await logIn(server.address, person)).accessToken;
}

function subject(
  { server }: Variant,
  request: ClientRequest,
  expected: string,
  howMany = connections,
): Subject {
  return httpSubject('', server, {
    address: server.address,
    requests: [request],
    expected,
    connections: howMany,
  });
}

const me: MakeSubject = async (variant) => {
  const values = { ACCESS_TOKEN: await logInAs(variant) };
  return subject(variant, requestOf(usual, 'me', values), addressOf(variant.person));
};

const permissionDocument =
  'query HasPermission($permission: String!) {\n  hasPermission(permission: $permission)\n}';

const hasPermission: MakeSubject = async (variant) => {
  const variables = { permission: 'bench.none' };
  const request = apolloClientRequest(permissionDocument, variables, await logInAs(variant));
  return subject(variant, request, '"hasPermission":false');
};

const login: MakeSubject = async (variant) =>
  subject(variant, loginRequest(variant.person), '"accessToken"', 1);

const refreshTokens: MakeSubject = async ({ server, person }) => ({
  name: '',
  async round(seconds) {
    const { refreshToken } = await logIn(server.address, person);
    return httpSubject('refreshTokens', server, {
      address: server.address,
      requests: [requestOf(usual, 'refreshTokens', {})],
      refreshTokens: [refreshToken],
      expected: '"refreshToken"',
      connections: 1,
    }).round(seconds);
  },
});

const pageDocument =
  'query Users($after: String, $first: Int, $filter: UserFilter) { users(first: $first, after: $after, filter: $filter) { nodes { id email firstName lastName } pageInfo { endCursor hasNextPage } } }';

async function pageOf(variant: Variant, variables: object, expected: string): Promise<Subject> {
  const request = apolloClientRequest(pageDocument, variables, await logInAs(variant));
  return subject(variant, request, expected);
}

const firstPage: MakeSubject = (variant) => pageOf(variant, { first: 20 }, '"hasNextPage":true');

/** Finds one user among all. */
const searchFor =
  (text: string): MakeSubject =>
  (variant) =>
    pageOf(variant, { first: 20, filter: { search: text } }, addressOf(777));
const search = searchFor(nameOf(777));
const searchByAddress = searchFor(addressOf(777));

/** Page 1,000 relative to page 1, if there are enough users. */
async function compareThousandthPage(
  variants: readonly Variant[],
  env: BenchEnv,
): Promise<PartResult> {
  const largest = variants.at(-1);
  if (!largest) throw new Error('nothing has grown');
  const after = await cursorAfter(largest, 999 * 20);
  const page = { ...(await firstPage(largest)), name: `users, page 1, ${largest.name}` };
  const later = {
    ...(await pageOf(largest, { first: 20, after }, '"hasNextPage"')),
    name: `users, page 1,000, ${largest.name}`,
  };
  const measured = await interleave([page, later], shortRounds(env));
  const value = ratio(named(measured, later.name), named(measured, page.name), p50);
  return {
    measured,
    ratios: [{ metric: 'users: p50 of page 1,000, page 1 = 1', value, atMost: flat }],
  };
}

async function cursorAfter(
  { server, person }: Variant,
  count: number,
): Promise<string | undefined> {
  const { accessToken } = await logIn(server.address, person);
  let after: string | undefined;
  for (let seen = 0; seen < count; ) {
    const first = Math.min(100, count - seen);
    const request = apolloClientRequest(pageDocument, { first, after }, accessToken);
    const data = await ask(server.address, request);
    after = (data.users as { pageInfo: { endCursor: string } }).pageInfo.endCursor; // as in the document
    seen += first;
  }
  return after;
}

/** Grants user 1 the permission to view users. */
async function makeAdministrator({ pool }: BenchDatabase): Promise<void> {
  await pool.query('update users set is_staff = true where email = $1', [addressOf(1)]);
  await pool.query(
    `insert into user_permissions (user_id, permission_id)
     select u.id, p.id from users u, permissions p
     where u.email = $1 and p.codename = 'users.view_user'`,
    [addressOf(1)],
  );
}

/** The login creates the last session. */
async function addSessions({ pool }: BenchDatabase, person: number, count: number): Promise<void> {
  await pool.query(
    `insert into sessions (id, user_id, created_at, last_used_at, expires_at, ip_address, user_agent)
     select gen_random_uuid(), u.id, now(), now(), now() + interval '10 days', '127.0.0.1', 'bench'
     from users u, generate_series(2, $2::int) where u.email = $1`,
    [addressOf(person), count],
  );
}

async function addPermissions(
  { pool }: BenchDatabase,
  person: number,
  count: number,
): Promise<void> {
  const ids = Array.from({ length: count }, () => uuidv7());
  await pool.query(
    `with created as (
       insert into permissions (id, codename, name)
       select given.id, 'bench.' || $2 || '_' || n, 'Created for a measurement'
       from unnest($1::uuid[]) with ordinality as given (id, n) returning permissions.id
     ) select count(*) from created`,
    [ids, String(person)],
  );
  await pool.query(
    `insert into user_permissions (user_id, permission_id)
     select u.id, given.id from users u, unnest($1::uuid[]) as given (id) where u.email = $2`,
    [ids, addressOf(person)],
  );
}
