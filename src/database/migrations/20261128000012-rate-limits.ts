/**
 * Rate limits: the buckets, and a function that consumes one attempt of several buckets or of none. A single upsert
 * cannot do this, because it cannot undo the rows before a full bucket. The earlier counters are dropped. Sessions
 * store the network of their login, which shows whether the account has logged in from a network before.
 */
import { Migration } from '@mikro-orm/migrations';

export class RateLimits extends Migration {
  override name = '20261128000012-rate-limits';

  override up(): void {
    this.addSql('drop table attempt_budgets');
    // Rows are updated often, and deleted soon after the end of their window.
    this.addSql(`
      create table rate_limit_buckets (
        key text primary key,
        used integer not null,
        ends_at timestamptz not null
      ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)`);
    // All callers pass keys in the same order, which prevents deadlocks.
    this.addSql(`
      create function consume_rate_limits(
        keys text[], points integer[], seconds integer[],
        out refused text, out retry_after_ms bigint
      ) language plpgsql as $$
      declare
        taken integer := 0;
      begin
        -- A bucket is locked until its commit; a crash of the server may forget the last half second.
        perform set_config('synchronous_commit', 'off', true);
        -- An exhausted bucket is the usual refusal, and then nothing is written.
        if not exists (
          select from unnest(keys, points) as asked (key, points)
          join rate_limit_buckets b on b.key = asked.key
          where b.used >= asked.points and b.ends_at > clock_timestamp()
        ) then
          for i in 1 .. cardinality(keys) loop
            insert into rate_limit_buckets as b (key, used, ends_at)
            values (keys[i], 1, clock_timestamp() + seconds[i] * interval '1 second')
            on conflict (key) do update set
              used = case when b.ends_at <= clock_timestamp() then 1 else b.used + 1 end,
              ends_at = case
                when b.ends_at <= clock_timestamp() or b.used = 0 then excluded.ends_at
                else b.ends_at
              end
            where b.used < points[i] or b.ends_at <= clock_timestamp();
            exit when not found;
            taken := i;
          end loop;
          if taken = cardinality(keys) then
            return;
          end if;
          update rate_limit_buckets b set used = b.used - 1 where b.key = any(keys[1:taken]);
        end if;
        select b.key, greatest(1, ceil(extract(epoch from b.ends_at - clock_timestamp()) * 1000))
        into refused, retry_after_ms
        from unnest(keys, points) as asked (key, points)
        join rate_limit_buckets b on b.key = asked.key
        where b.used >= asked.points
        order by b.ends_at desc limit 1;
        if refused is null then -- its window has ended, or it was reset, at this very moment
          refused := keys[taken + 1];
          retry_after_ms := 1;
        end if;
      end $$`);
    this.addSql("alter table sessions add column network text not null default ''");
    this.addSql(`
      update sessions set network = ip_address
      where ip_address ~ '^[0-9.]+$' and created_at > now() - interval '30 days'`);
    this.addSql('create index sessions_network_index on sessions (user_id, network, created_at)');
  }
}
