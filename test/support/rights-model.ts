/**
 * A model of rights that is independent of the policies of the service. It compares the state before an
 * operation with the state after it: each new right must come from a superuser, or from another user who
 * held it until its end or longer. Times are milliseconds; infinity stands for no end.
 */
import { isDeepStrictEqual } from 'node:util';
import type { TestService } from './service.ts';

/** A user or a service account, whose address is its name. */
interface UserState {
  readonly id: string;
  readonly email: string;
  readonly isServiceAccount: boolean;
  readonly status: string;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  readonly hash: string | null;
  readonly externalId: string | null;
  readonly metadata: object;
}

export interface State {
  readonly users: readonly UserState[];
  readonly groups: readonly { readonly id: string; readonly name: string }[];
  readonly permissions: readonly { readonly id: string; readonly codename: string }[];
  readonly grants: readonly { readonly userId: string; readonly permissionId: string }[];
  readonly memberships: readonly Membership[];
  readonly groupGrants: readonly { readonly groupId: string; readonly permissionId: string }[];
}

interface Membership {
  readonly userId: string;
  readonly groupId: string;
  readonly until: number;
}

interface Held {
  readonly code: string;
  readonly until: number;
}

const list = (columns: string, from: string) =>
  `(select coalesce(json_agg(json_build_object(${columns})), '[]') from ${from})`;

const stateSql = `select json_build_object(
  'users', ${list(
    `'id', u.id, 'email', u.email, 'status', u.status, 'isStaff', u.is_staff,
     'isSuperuser', u.is_superuser, 'hash', h.password_hash, 'isServiceAccount', u.is_robot,
     'externalId', u.external_id, 'metadata', u.metadata`,
    `(
      select id, email, status, is_staff, is_superuser, false as is_robot, external_id, metadata from users
      union all
      select id, name, case when disabled_at is null then 'ACTIVE' else 'DISABLED' end, true, false, true,
        null, '{}'::jsonb
      from service_accounts
      order by email
    ) u left join password_hashes h on h.user_id = u.id`,
  )},
  'groups', ${list("'id', id, 'name', name", '(select * from groups order by name) g')},
  'permissions', ${list("'id', id, 'codename', codename", '(select * from permissions order by codename) p')},
  'grants', ${list(
    "'userId', user_id, 'permissionId', permission_id",
    `(select user_id, permission_id from user_permissions
      union all select service_account_id, permission_id from service_account_permissions) g`,
  )},
  'memberships', ${list(
    "'userId', user_id, 'groupId', group_id, 'until', extract(epoch from expires_at) * 1000",
    `(select user_id, group_id, expires_at from user_groups
      where expires_at is null or expires_at > now()
      union all select service_account_id, group_id, null from service_account_groups) m`,
  )},
  'groupGrants', ${list("'groupId', group_id, 'permissionId', permission_id", 'group_permissions')}
) as state`;

export async function readState({ database }: Pick<TestService, 'database'>): Promise<State> {
  const [row] = await database.query<{ state: State }>(stateSql);
  if (!row) throw new Error('no state');
  const memberships = row.state.memberships.map((each) => ({
    ...each,
    until: each.until === null ? Number.POSITIVE_INFINITY : Math.round(each.until),
  }));
  return { ...row.state, memberships };
}

export interface Step {
  readonly actorId: string;
  readonly before: State;
  readonly after: State;
  /** The names of former groups. */
  readonly formerNames: ReadonlySet<string>;
  /** The codes that limit the API key of the actor; none for a session. */
  readonly limit?: readonly string[] | undefined;
}

/** The violations of the model by an operation between the two states. */
export function faultsOf({ actorId, before, after, formerNames, limit }: Step): string[] {
  const faults = [...faultsOfRoot(after)];
  const actor = before.users.find(({ id }) => id === actorId);
  const isActive = actor?.status === 'ACTIVE';
  if (actor?.isSuperuser && isActive && !limit) return faults;
  const everything = [{ code: '*', until: noEnd }];
  const held = actor?.isSuperuser ? everything : heldBy(actorId, before);
  const own = isActive && (actor.isStaff || actor.isSuperuser) ? held : [];
  const bounds = limit?.map((code) => ({ code, until: noEnd })) ?? everything;
  const gives = (given: readonly Held[]) =>
    given.every((each) => [own, bounds].every((set) => set.some((mine) => covers(mine, each))));
  const change = { actorId, before, after, formerNames, gives };
  const ofUsers = after.users.flatMap((user) => faultsOfUser(user, change));
  return [
    ...faults,
    ...ofUsers,
    ...faultsOfRemovals(change),
    ...faultsOfMembers(change),
    ...faultsOfNames(change),
    ...faultsOfOwn(change),
  ];
}

interface Change extends Step {
  /** Whether the actor held all of them before. */
  readonly gives: (held: readonly Held[]) => boolean;
}

const noEnd = Number.POSITIVE_INFINITY;
const changeUser = (until: number) => ({ code: 'users.change_user', until });
const changeGroup = (until: number) => ({ code: 'users.change_group', until });
const changeMembers = (until: number) => [changeUser(until), changeGroup(until)];
const changeRobots = (until: number) => [
  { code: 'users.change_service_account', until },
  changeGroup(until),
];

function faultsOfRoot({ users, groups, memberships }: State): string[] {
  const root = groups.find(({ name }) => name === 'Root');
  const members = memberships.filter(({ groupId }) => groupId === root?.id);
  const inRoot = new Set(members.map(({ userId }) => userId));
  return users
    .filter(({ id, isSuperuser }) => inRoot.has(id) !== isSuperuser)
    .map(({ email }) => `${email}: Root and superuser disagree`);
}

function faultsOfUser(user: UserState, change: Change): string[] {
  const { actorId, before, after, gives } = change;
  const was = before.users.find(({ id }) => id === user.id);
  const held = heldBy(user.id, after);
  const heldBefore = was ? heldBy(user.id, before) : [];
  const gained = held.filter((each) => !heldBefore.some((one) => covers(one, each)));
  const isRevived = was !== undefined && was.status !== 'ACTIVE' && user.status === 'ACTIVE';
  const isPromoted = !user.isServiceAccount && user.isStaff && !was?.isStaff;
  const isMoved = was !== undefined && !user.isServiceAccount && was.email !== user.email;
  const isRelinked = was !== undefined && was.externalId !== user.externalId;
  const own = user.id === actorId;
  const staffs = [...held, changeUser(noEnd)];
  const staffsBefore = [...heldBefore, changeUser(noEnd)];
  const checks: readonly (readonly [string, boolean])[] = [
    ['gained what the actor lacks', gained.length === 0 || (!own && gives(gained))],
    ['became a superuser', !user.isSuperuser || was?.isSuperuser === true],
    ['was made staff', !isPromoted || (!own && gives(staffs))],
    [
      'was enabled',
      !isRevived || gives(user.isStaff && was.isStaff && !user.isServiceAccount ? staffs : held),
    ],
    ['has another password', was === undefined || was.hash === user.hash],
    ['has another address', !isMoved || isCorrection(was, change)],
    ['has another external id', !isRelinked || gives(was.isStaff ? staffsBefore : heldBefore)],
    ['changed itself', !own || sameOwner(was, user)],
  ];
  return checks.filter(([, isRight]) => !isRight).map(([what]) => `${user.email} ${what}`);
}

/** Nobody erases the own account here, and only superusers erase superusers. Others hold all rights of the account that they erase. */
function faultsOfRemovals({ actorId, before, after, gives }: Change): string[] {
  const remaining = new Set(after.users.map(({ id }) => id));
  return before.users
    .filter(({ id, isServiceAccount }) => !remaining.has(id) && !isServiceAccount)
    .filter(({ id, isSuperuser, isStaff }) => {
      const rights = [...heldBy(id, before), ...(isStaff ? [changeUser(noEnd)] : [])];
      const eraseRight = { code: 'users.erase_user', until: 0 };
      return id === actorId || isSuperuser || !gives([...rights, eraseRight]);
    })
    .map(({ email }) => `${email} was erased`);
}

/** Whether the account is PENDING, and the actor held all its rights. */
function isCorrection(was: UserState, { before, gives }: Change): boolean {
  const ends = before.memberships.filter(({ userId }) => userId === was.id);
  const identity = ends.flatMap(({ until }) => changeMembers(until));
  const staffs = was.isStaff ? [changeUser(noEnd)] : [];
  return was.status === 'PENDING' && gives([...heldBy(was.id, before), ...identity, ...staffs]);
}

function sameOwner(was: UserState | undefined, user: UserState): boolean {
  return (
    was?.status === user.status &&
    was.isStaff === user.isStaff &&
    was.externalId === user.externalId &&
    isDeepStrictEqual(was.metadata, user.metadata)
  );
}

function faultsOfMembers({ actorId, before, after, gives }: Change): string[] {
  const keyOf = ({ userId, groupId, until }: Membership) => `${userId} ${groupId} ${until}`;
  const had = new Set(before.memberships.map(keyOf));
  const has = new Set(after.memberships.map(keyOf));
  const groups = new Set(after.groups.map(({ id }) => id));
  const begun = after.memberships.filter((each) => !had.has(keyOf(each)));
  const ended = before.memberships.filter(
    (each) => !has.has(keyOf(each)) && groups.has(each.groupId),
  );
  const robots = new Set(after.users.filter((each) => each.isServiceAccount).map(({ id }) => id));
  const remains = new Set(after.users.map(({ id }) => id));
  const needed = ({ userId }: Membership, until: number) =>
    robots.has(userId) ? changeRobots(until) : changeMembers(until);
  return [
    ...begun.filter((each) => each.userId === actorId || !gives(needed(each, each.until))),
    ...ended
      .filter(({ userId }) => remains.has(userId))
      .filter((each) => each.userId === actorId || !gives(needed(each, 0))),
  ].map((each) => `membership ${keyOf(each)}`);
}

function faultsOfNames({ before, after, formerNames, gives }: Change): string[] {
  const names = new Map(before.groups.map(({ id, name }) => [id, name]));
  const codes = new Map(before.permissions.map(({ id, codename }) => [id, codename]));
  const renamed = after.groups.filter(({ id, name }) => (names.get(id) ?? name) !== name);
  const reused = after.groups.filter(({ id, name }) => !names.has(id) && formerNames.has(name));
  const coded = after.permissions.filter(({ id, codename }) => {
    const isNew = !codes.has(id);
    return isNew ? codename.includes('*') : codes.get(id) !== codename;
  });
  return [
    ...renamed.map(({ name }) => `group renamed to ${name}`),
    ...reused.map(({ name }) => `name of a former group: ${name}`),
    ...coded
      .filter(({ codename }) => !gives([{ code: codename, until: noEnd }]))
      .map(({ codename }) => `permission ${codename}`),
  ];
}

/** The sources of the rights of the actor must not change, except by deletion. */
function faultsOfOwn({ actorId, before, after }: Change): string[] {
  const groups = before.memberships
    .filter(({ userId }) => userId === actorId)
    .map(({ groupId }) => groupId)
    .filter((id) => after.groups.some((group) => group.id === id));
  const remaining = new Set(after.permissions.map(({ id }) => id));
  const sources = (state: State) => {
    const codes = new Map(state.permissions.map(({ id, codename }) => [id, codename]));
    const direct = state.grants.filter(({ userId }) => userId === actorId);
    const byGroup = state.groupGrants.filter(({ groupId }) => groups.includes(groupId));
    return [...direct, ...byGroup]
      .filter(({ permissionId }) => remaining.has(permissionId))
      .map((each) => JSON.stringify([each, codes.get(each.permissionId)]))
      .sort()
      .join();
  };
  return sources(before) === sources(after) ? [] : ['changed what gives the actor rights'];
}

function heldBy(userId: string, { grants, memberships, groupGrants, permissions }: State): Held[] {
  const codes = new Map(permissions.map(({ id, codename }) => [id, codename]));
  const direct = grants
    .filter((each) => each.userId === userId)
    .map(({ permissionId }) => ({ code: codes.get(permissionId) ?? '', until: noEnd }));
  const byGroup = memberships
    .filter((each) => each.userId === userId)
    .flatMap(({ groupId, until }) =>
      groupGrants
        .filter((each) => each.groupId === groupId)
        .map(({ permissionId }) => ({ code: codes.get(permissionId) ?? '', until })),
    );
  return [...direct, ...byGroup];
}

function covers(own: Held, other: Held): boolean {
  if (own.until < other.until) return false;
  const parts = own.code.split('*').map((part) => part.replaceAll('.', '\\.'));
  return new RegExp(`^${parts.join('.*')}$`).test(other.code);
}
