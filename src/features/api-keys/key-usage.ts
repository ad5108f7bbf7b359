/**
 * The last use of API keys and service accounts. Uses are collected in memory and written about once a minute. The
 * first use of a key is written at once, with an entry in the audit log.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../core/time.ts';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import type { Audit } from '../audit/audit.ts';
import type { KeyActor } from './key-principals.ts';

export interface KeyUsage {
  /** Notes a use of the key. The context of the request must be the current one. */
  note(actor: KeyActor): Promise<void>;
  /** Writes the collected uses about once a minute, until `stop`. */
  start(): void;
  /** Writes the rest. */
  stop(): Promise<void>;
}

const flushMilliseconds = 60_000;
/** The number of keys that this process knows to be used; further ones cost a statement more. */
const rememberedKeys = 10_000;

const writeFirstUse: Statement = {
  name: 'api-key-first-use',
  text: `with used as (
      update api_keys set last_used_at = $2 where id = $1 and last_used_at is null
      returning service_account_id
    ), owner as (
      update service_accounts set last_used_at = greatest(last_used_at, $2)
      where id in (select service_account_id from used)
    )
    select 1 from used`,
};

const writeUses: Statement = {
  name: 'api-key-uses',
  text: `with noted as (
      select id, at from unnest($1::uuid[], $2::timestamptz[]) as noted (id, at)
    ), used as (
      update api_keys k set last_used_at = greatest(k.last_used_at, noted.at)
      from noted where k.id = noted.id returning k.service_account_id, k.last_used_at
    )
    update service_accounts s set last_used_at = greatest(s.last_used_at, latest.at)
    from (select service_account_id, max(last_used_at) as at from used group by 1) latest
    where s.id = latest.service_account_id`,
};

export function createKeyUsage(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'execute' | 'withEntityManager'>;
  readonly audit: Pick<Audit, 'append'>;
  readonly clock: Clock;
  readonly log: Log;
}): KeyUsage {
  const { execute, withEntityManager } = deps.unitOfWork;
  const usedKeys = new LRUCache<string, true>({ max: rememberedKeys });
  let pending = new Map<string, Date>();
  let timer: NodeJS.Timeout | undefined;

  const noteFirstUse = async (actor: KeyActor, now: Date) => {
    const keyId = actor.credential.id;
    const isFirst = (await execute(writeFirstUse, [keyId, now])).length > 0;
    if (!isFirst) return;
    await deps.audit.append({
      action: 'api-key-first-used',
      actor,
      target: { type: 'api-key', id: keyId },
    });
  };

  /** Uses that cannot be written stay for the next time. */
  const flush = async (): Promise<void> => {
    const uses = pending;
    pending = new Map();
    if (uses.size === 0) return;
    try {
      await withEntityManager(() =>
        execute(writeUses, [[...uses.keys()], [...uses.values()]]).then(() => undefined),
      );
    } catch (error) {
      pending = new Map([...uses, ...pending]);
      deps.log.warn({ err: error, component: 'api-keys' }, 'last uses not written, retrying');
    }
  };

  return {
    async note(actor) {
      const [keyId, now] = [actor.credential.id, deps.clock()];
      pending.set(keyId, now);
      if (usedKeys.has(keyId)) return;
      usedKeys.set(keyId, true);
      await noteFirstUse(actor, now);
    },
    start() {
      timer = setInterval(() => void flush(), flushMilliseconds);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
