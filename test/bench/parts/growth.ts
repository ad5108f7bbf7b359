/** Whether things stay as fast as they are: with more users, more sessions of one, more permissions. */
import { v7 as uuidv7 } from 'uuid';
import type { BenchDatabase, ServiceDeps } from '../env.ts';
import {
  type Effort,
  httpSubject,
  interleave,
  type Measurement,
  named,
  ratio,
  type Sample,
  type Subject,
} from '../measure.ts';
import {
  addressOf,
  graphql,
  graphqlLoad,
  logIn,
  loginBody,
  nameOf,
  refreshBody,
  seedPeople,
} from '../people.ts';
import { residentMegabytes, type ServerProcess } from '../process.ts';
import type { Figure, PartResult } from '../report.ts';
import { meDocument } from './me.ts';

/** Few at a time: it is the length of one answer that must not grow, not that of a queue. */
const connections = 4;
const flat = 1.2;

interface Scene {
  /** Such as `1000 users`. */
  readonly name: string;
  readonly server: ServerProcess;
  readonly person: number;
}

type MakeSubject = (scene: Scene) => Promise<Subject>;

export async function measureGrowth(deps: ServiceDeps): Promise<PartResult> {
  const byUsers = await growthOfUsers(deps);
  const byOne = await growthOfOne(deps);
  return {
    measured: [...byUsers.measured, ...byOne.measured],
    ratios: [...byUsers.ratios, ...byOne.ratios],
  };
}

/** A server and a database for each size, all at once, so that the rounds can alternate. */
async function growthOfUsers(deps: ServiceDeps): Promise<PartResult> {
  await using servers = new AsyncDisposableStack();
  const scenes: Scene[] = [];
  for (const users of deps.isQuick ? [1_000, 20_000] : [1_000, 100_000, 1_000_000]) {
    const database = await deps.database(`growth_${users}`);
    const server = servers.use(await deps.gatehouse(database));
    await seedPeople(database, users);
    await makeAdministrator(database);
    scenes.push({ name: `${users} users`, server, person: 1 });
  }
  const kinds = {
    me,
    login,
    refreshTokens,
    'first page': firstPage,
    search,
    'search by address': searchByAddress,
  };
  const { measured, ratios } = await compare(scenes, kinds, deps);
  const memory = scenes.map(
    ({ name, server }): Figure => ({
      what: `resident memory after that, ${name}`,
      value: residentMegabytes(server.pid) ?? Number.NaN,
      unit: 'MB',
    }),
  );
  const pages = await compareThousandthPage(scenes, deps);
  return {
    measured: [...measured, ...pages.measured],
    ratios: [...ratios, ...memory, ...pages.ratios],
  };
}

/** One server; people who differ in how many sessions, or permissions, they have. */
async function growthOfOne(deps: ServiceDeps): Promise<PartResult> {
  const database = await deps.database('growth_of_one');
  await using server = await deps.gatehouse(database);
  const sizes = [1, 10, 100, 1000];
  await seedPeople(database, 2 * sizes.length);
  const results: PartResult[] = [];
  for (const [offset, what, add, kinds] of [
    [1, 'sessions', addSessions, { me, login, refreshTokens }],
    [1 + sizes.length, 'permissions', addPermissions, { me, hasPermission }],
  ] as const) {
    const scenes: Scene[] = [];
    for (const [index, size] of sizes.entries()) {
      await add(database, offset + index, size);
      scenes.push({ name: `${size} ${what}`, server, person: offset + index });
    }
    results.push(await compare(scenes, kinds, deps));
  }
  const memory = residentMegabytes(server.pid) ?? Number.NaN;
  return {
    measured: results.flatMap(({ measured }) => measured),
    ratios: [
      ...results.flatMap(({ ratios }) => ratios),
      { what: 'resident memory after that', value: memory, unit: 'MB' },
    ],
  };
}

/** Each kind of request in every scene, the scenes in turn; the largest against the smallest. */
async function compare(
  scenes: readonly Scene[],
  kinds: Readonly<Record<string, MakeSubject>>,
  deps: ServiceDeps,
): Promise<PartResult> {
  const measured: Measurement[] = [];
  const ratios: Figure[] = [];
  const title = (kind: string, scene: Scene | undefined) => `${kind}, ${scene?.name}`;
  for (const [kind, make] of Object.entries(kinds)) {
    const subjects: Subject[] = [];
    for (const scene of scenes) {
      subjects.push({ ...(await make(scene)), name: title(kind, scene) });
    }
    const ofKind = await interleave(subjects, shortRounds(deps));
    measured.push(...ofKind);
    const [smallest, largest] = [scenes[0], scenes.at(-1)];
    ratios.push({
      what: `${kind}: p50 with ${largest?.name}, with ${smallest?.name} = 1`,
      value: ratio(named(ofKind, title(kind, largest)), named(ofKind, title(kind, smallest)), p50),
      atMost: flat,
    });
  }
  return { measured, ratios };
}

/** There are many to measure, and the length of an answer shows in a moment. */
const shortRounds = ({ effort }: ServiceDeps): Effort => ({
  ...effort,
  seconds: 2,
  warmUpSeconds: 1,
});

const p50 = (sample: Sample) => sample.p50;

async function request(
  { server, person }: Scene,
  query: string,
  [expected, variables]: readonly [string, object?],
): Promise<Subject> {
  const { accessToken } = await logIn(server.address, person);
  const body = JSON.stringify({ query, variables });
  const asked = { accessToken, connections };
  return httpSubject(query, server.pid, graphqlLoad(server.address, [body], expected, asked));
}

const me: MakeSubject = (scene) => request(scene, meDocument, [addressOf(scene.person)]);

const hasPermission: MakeSubject = (scene) =>
  request(scene, '{ hasPermission(permission: "bench.none") }', ['"hasPermission":false']);

const login: MakeSubject = async ({ server, person }) => {
  const load = graphqlLoad(server.address, [loginBody(person)], '"accessToken"', {
    connections: 1,
  });
  return httpSubject('login', server.pid, load);
};

const refreshTokens: MakeSubject = async ({ server, person }) => ({
  name: 'refreshTokens',
  async round(seconds) {
    const { refreshToken } = await logIn(server.address, person);
    const load = graphqlLoad(server.address, [refreshBody], '"refreshToken"', { connections: 1 });
    const spec = { ...load, refreshTokens: [refreshToken] };
    return httpSubject('refreshTokens', server.pid, spec).round(seconds);
  },
});

const pageDocument =
  'query ($after: String, $first: Int, $filter: UserFilter) { users(first: $first, after: $after, filter: $filter) { nodes { id email firstName lastName } pageInfo { endCursor hasNextPage } } }';

const firstPage: MakeSubject = (scene) =>
  request(scene, pageDocument, ['"hasNextPage":true', { first: 20 }]);

/** Finds one among all. */
const searchFor =
  (text: string): MakeSubject =>
  (scene) =>
    request(scene, pageDocument, [addressOf(777), { first: 20, filter: { search: text } }]);
const search = searchFor(nameOf(777));
const searchByAddress = searchFor(addressOf(777));

/** The page that begins behind 999 others, against the first: where there are that many. */
async function compareThousandthPage(
  scenes: readonly Scene[],
  deps: ServiceDeps,
): Promise<PartResult> {
  const largest = scenes.at(-1);
  if (!largest) throw new Error('nothing has grown');
  const after = await cursorAfter(largest, 999 * 20);
  const page = { ...(await firstPage(largest)), name: `users, page 1, ${largest.name}` };
  const later = {
    ...(await request(largest, pageDocument, ['"hasNextPage"', { first: 20, after }])),
    name: `users, page 1,000, ${largest.name}`,
  };
  const measured = await interleave([page, later], shortRounds(deps));
  const value = ratio(named(measured, later.name), named(measured, page.name), p50);
  return {
    measured,
    ratios: [{ what: 'users: p50 of page 1,000, page 1 = 1', value, atMost: flat }],
  };
}

async function cursorAfter({ server, person }: Scene, count: number): Promise<string | undefined> {
  const { accessToken } = await logIn(server.address, person);
  let after: string | undefined;
  for (let seen = 0; seen < count; ) {
    const first = Math.min(100, count - seen);
    const body = JSON.stringify({ query: pageDocument, variables: { first, after } });
    const data = await graphql(server.address, body, accessToken);
    after = (data.users as { pageInfo: { endCursor: string } }).pageInfo.endCursor; // by the document
    seen += first;
  }
  return after;
}

/** Person 1 may see users. */
async function makeAdministrator({ pool }: BenchDatabase): Promise<void> {
  await pool.query('update users set is_staff = true where email = $1', [addressOf(1)]);
  await pool.query(
    `insert into user_permissions (user_id, permission_id)
     select u.id, p.id from users u, permissions p
     where u.email = $1 and p.codename = 'users.view_user'`,
    [addressOf(1)],
  );
}

/** The last one will be opened by logging in. */
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
    `with made as (
       insert into permissions (id, codename, name)
       select given.id, 'bench.' || $2 || '_' || n, 'Made for a measurement'
       from unnest($1::uuid[]) with ordinality as given (id, n) returning permissions.id
     ) select count(*) from made`,
    [ids, String(person)],
  );
  await pool.query(
    `insert into user_permissions (user_id, permission_id)
     select u.id, given.id from users u, unnest($1::uuid[]) as given (id) where u.email = $2`,
    [ids, addressOf(person)],
  );
}
