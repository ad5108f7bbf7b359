/** Valid sessions and API keys in the database, for tests that call services with an actor of their own. */
import type { Actor } from '../../src/core/request-context.ts';
import { actorIdOf } from '../../src/core/request-context.ts';
import type { TestDatabase } from './database.ts';

/** Inserts the credential of the actor. It is valid for an hour. */
export async function insertCredential(
  { query }: Pick<TestDatabase, 'query'>,
  actor: Actor,
): Promise<void> {
  const { id, kind } = actor.credential;
  if (kind === 'session') {
    await query(
      `insert into sessions (
         id, user_id, created_at, last_used_at, expires_at, ip_address, user_agent, network)
       values ($1, $2, now(), now(), now() + interval '1 hour', '127.0.0.1', 'test', '127.0.0.1')`,
      [id, actorIdOf(actor)],
    );
    return;
  }
  const owner = actor.kind === 'user' ? 'user_id' : 'service_account_id';
  await query(
    `insert into api_keys (id, ${owner}, name, prefix, digest, created_at, expires_at)
     values ($1, $2, 'test', 'gk_', sha256(convert_to($1::uuid::text, 'utf8')), now(), now() + interval '1 hour')`,
    [id, actorIdOf(actor)],
  );
}
