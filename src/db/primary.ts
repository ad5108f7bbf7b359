/**
 * Keeps to the primary. While a cluster fails over, a name or a balancer may lead to a server that
 * only replays what another one writes; a connection to it would stay in the pool for good.
 */
import type { ClientBase } from 'pg';

/** As PostgreSQL says it of the statements that it would refuse there: read_only_sql_transaction. */
const readOnlyCode = '25006';

/** For `onConnect` of a pool: a connection to a standby is closed, and counts as no connection. */
export async function requirePrimary(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ is_standby: boolean }>(
    'select pg_is_in_recovery() as is_standby',
  );
  if (!rows[0]?.is_standby) return;
  throw Object.assign(new Error('this server is a standby'), { code: readOnlyCode });
}
