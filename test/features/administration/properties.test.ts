/** Property test: for random grants, hasPermission, explainPermission and usersWithPermission agree. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { matchesGrant } from '../../../src/features/access/access.ts';
import { type Administrator, permissionId, superuser } from '../../support/administrators.ts';
import { somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let root: Administrator;
/** Users with a session, for hasPermission. */
let users: readonly { readonly userId: string; readonly accessToken: string }[];

/** Grants with and without wildcards, and with characters that are wildcards in SQL. */
const codes = ['a.view', 'a.edit', 'a_view', 'a*', '*.view', '*', 'a.*w', 'b.*', '*_*', 'A.view'];
/** The requested permissions; one of them does not exist. */
const requested = ['a.view', 'a.edit', 'a_view', 'axview', 'b.', 'b.c.view', 'A.view', 'zzz'];
const groupIds = [randomUUID(), randomUUID(), randomUUID()];
let ids: ReadonlyMap<string, string>;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
  users = [await somebody(service), await somebody(service), await somebody(service)];
  const found = new Map<string, string>();
  for (const code of codes) found.set(code, await permissionId(service, code));
  ids = found;
  await service.database.query(
    'insert into groups (id, name) select id, id::text from unnest($1::uuid[]) id',
    [groupIds],
  );
});
afterAll(() => service.close());

interface Membership {
  readonly group: number;
  readonly ends: 'never' | 'later' | 'past';
}

interface Holder {
  readonly direct: readonly string[];
  readonly memberships: readonly Membership[];
  readonly isSuperuser: boolean;
}

interface World {
  readonly groups: readonly (readonly string[])[];
  readonly holders: readonly Holder[];
}

const someCodes = (maxLength: number) => fc.uniqueArray(fc.constantFrom(...codes), { maxLength });
const membership = fc.record({
  group: fc.nat({ max: groupIds.length - 1 }),
  ends: fc.constantFrom('never', 'later', 'past'),
});
const world: fc.Arbitrary<World> = fc.record({
  groups: fc.tuple(someCodes(3), someCodes(3), someCodes(3)),
  holders: fc.tuple(
    ...Array.from({ length: 3 }, () =>
      fc.record({
        direct: someCodes(2),
        memberships: fc.uniqueArray(membership, { selector: ({ group }) => group, maxLength: 3 }),
        isSuperuser: fc.nat({ max: 9 }).map((chance) => chance === 0),
      }),
    ),
  ),
});

const endings = { never: null, later: '2099-01-01', past: '2020-01-01' } as const;

async function insertWorld({ groups, holders }: World): Promise<void> {
  const { query } = service.database;
  await query('delete from user_permissions');
  await query('delete from user_groups where group_id = any($1)', [groupIds]);
  await query('delete from group_permissions where group_id = any($1)', [groupIds]);
  const idsOf = (held: readonly string[]) => held.map((code) => ids.get(code));
  for (const [at, held] of groups.entries()) {
    await query('insert into group_permissions select $1, unnest($2::uuid[])', [
      groupIds[at],
      idsOf(held),
    ]);
  }
  for (const [at, { direct, memberships, isSuperuser }] of holders.entries()) {
    const userId = users[at]?.userId;
    await query('update users set is_superuser = $2 where id = $1', [userId, isSuperuser]);
    await query('insert into user_permissions select $1, unnest($2::uuid[])', [
      userId,
      idsOf(direct),
    ]);
    for (const { group, ends } of memberships) {
      await query('insert into user_groups values ($1, $2, $3)', [
        userId,
        groupIds[group],
        endings[ends],
      ]);
    }
  }
}

interface Path {
  readonly kind: string;
  readonly grant: string | null;
  readonly group: string | null;
}

/** The expected paths, computed without SQL. */
function pathsIn({ groups }: World, { direct, memberships, isSuperuser }: Holder, code: string) {
  const covering = (held: readonly string[]) => held.filter((grant) => matchesGrant(grant, code));
  const none = { grant: null, group: null };
  const paths: Path[] = [
    ...(isSuperuser ? [{ kind: 'SUPERUSER', ...none }] : []),
    // Superusers are in Root, which holds every permission.
    ...covering(isSuperuser ? codes : []).map((grant) => ({ kind: 'GROUP', grant, group: 'Root' })),
    ...covering(direct).map((grant) => ({ kind: 'DIRECT', grant, group: null })),
    ...memberships
      .filter(({ ends }) => ends !== 'past')
      .flatMap(({ group }) =>
        covering(groups[group] ?? []).map((grant) => ({
          kind: 'GROUP',
          grant,
          group: groupIds[group] ?? '',
        })),
      ),
  ];
  return sorted(paths);
}

const sorted = (paths: readonly Path[]) => paths.map((path) => JSON.stringify(path)).toSorted();

/** One field for each requested permission. */
const fields = (write: (code: string) => string) =>
  requested.map((code, at) => `p${at}: ${write(JSON.stringify(code))}`).join(' ');

async function answersOf<Answer>(document: string, token: string, variables = {}) {
  const { data, text } = await service.graphql(document, variables, token);
  if (!data) throw new Error(text);
  return requested.map((_code, at): Answer => data[`p${at}`]);
}

test('hasPermission, explainPermission, usersWithPermission and the model agree', async () => {
  const explain = `query ($id: ID!) { ${fields(
    (code) =>
      `explainPermission(userId: $id, permission: ${code}) { isAllowed paths { kind grant group } }`,
  )} }`;
  const list = `{ ${fields(
    (code) => `usersWithPermission(permission: ${code}, first: 100) { totalCount nodes { id } }`,
  )} }`;

  await fc.assert(
    fc.asyncProperty(world, async (given) => {
      await insertWorld(given);
      const allowed = new Map<string, Set<string>>(
        requested.map((code) => [code, new Set([root.userId])]),
      );
      for (const [at, holder] of given.holders.entries()) {
        const { userId, accessToken } = users[at] ?? { userId: '', accessToken: '' };
        const has = await answersOf<boolean>(
          `{ ${fields((code) => `hasPermission(permission: ${code})`)} }`,
          accessToken,
        );
        const why = await answersOf<{ isAllowed: boolean; paths: Path[] }>(
          explain,
          root.accessToken,
          { id: userId },
        );
        for (const [index, code] of requested.entries()) {
          const expected = pathsIn(given, holder, code);
          expect(sorted(why[index]?.paths ?? [])).toEqual(expected);
          expect([has[index], why[index]?.isAllowed]).toEqual(Array(2).fill(expected.length > 0));
          if (expected.length > 0) allowed.get(code)?.add(userId);
        }
      }
      const holders = await answersOf<{ totalCount: number; nodes: { id: string }[] }>(
        list,
        root.accessToken,
      );
      for (const [index, code] of requested.entries()) {
        const found = holders[index]?.nodes.map(({ id }) => id) ?? [];
        const expected = [...(allowed.get(code) ?? [])].toSorted();
        expect([code, found.toSorted()]).toEqual([code, expected]);
        expect(holders[index]?.totalCount).toBe(expected.length);
      }
    }),
    { numRuns: 10 },
  );
});
