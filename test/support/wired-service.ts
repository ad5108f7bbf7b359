/** A service with countable statements, and the view that it has of a user, for tests of cached principals. */
import { createTestDatabase, type TestDatabase } from './database.ts';
import { type DatabaseWire, openDatabaseWire } from './database-wire.ts';
import type { createIdleUser } from './idle-user.ts';
import { type ServiceOptions, startService, type TestService } from './service.ts';

/** Milliseconds in which every change must take effect, in any state of the change feed. */
export const effectLimit = 3000;

export interface WiredService extends AsyncDisposable {
  readonly service: TestService;
  readonly wire: DatabaseWire;
  /** Its `query` uses another connection than the service, as psql does. */
  readonly database: TestDatabase;
}

/** @param existing a database, instead of a new one */
export async function startWired(
  existing?: TestDatabase,
  options: Omit<ServiceOptions, 'database'> = {},
): Promise<WiredService> {
  const database = existing ?? (await createTestDatabase());
  const wire = await openDatabaseWire(database.url);
  const service = await startService({ database: { ...database, url: wire.url }, ...options });
  const close = async () => {
    await service.close();
    await wire[Symbol.asyncDispose]();
    if (!existing) await database.drop();
  };
  return { service, wire, database, [Symbol.asyncDispose]: close };
}

export type IdleUser = Awaited<ReturnType<typeof createIdleUser>>;

export interface View {
  readonly status: number;
  readonly firstName?: string;
  readonly isCrew?: boolean;
  readonly maySail?: boolean;
}

/** Profile, group and permission of a user, as a request shows them. */
export async function viewOf({ accessToken }: IdleUser, at: WiredService): Promise<View> {
  const { status, data } = await at.service.graphql(
    `{ me { firstName } isCrew: hasGroup(name: "Crew") maySail: hasPermission(permission: "ships.sail") }`,
    {},
    accessToken,
  );
  if (status === 401) return { status };
  return { status, firstName: data.me.firstName, isCrew: data.isCrew, maySail: data.maySail };
}

/** The statements that the service executes during the work. */
export async function statementsOf(work: () => Promise<unknown>, { wire }: WiredService) {
  const before = wire.statements.length;
  await work();
  return wire.statements.slice(before);
}

const feedConnections = `from pg_stat_activity
  where application_name = 'gatehouse-change-feed' and datname = current_database()`;

/** Process ids of the connections of change feeds. */
export async function feedPids(database: TestDatabase): Promise<number[]> {
  const rows = await database.query<{ pid: number }>(`select pid ${feedConnections}`);
  return rows.map(({ pid }) => pid);
}

export async function closeFeeds(database: TestDatabase): Promise<void> {
  await database.query(`select pg_terminate_backend(pid) ${feedConnections}`);
}
