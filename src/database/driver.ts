/**
 * MikroORM's PostgreSQL driver with two changes. Values are sent as bound parameters, because MikroORM (7.2)
 * writes them into the statement, which shows them in `pg_stat_activity` and in the log of slow statements.
 * `timestamptz` is read as `Date`, also in plain SQL, where MikroORM leaves it as text.
 */
import {
  type Configuration,
  isRaw,
  JsonProperty,
  NativeQueryBuilder,
  PostgreSqlConnection,
  PostgreSqlDriver,
  type RawQueryFragment,
  Utils,
} from '@mikro-orm/postgresql';
import { CompiledQuery } from 'kysely';
import { type CustomTypesConfig, types } from 'pg';
import { currentTracer } from '../observability/tracing.ts';

export interface BoundStatement {
  /** With `$1`, `$2`, … in place of the values. */
  readonly text: string;
  readonly values: readonly unknown[];
}

export class GatehouseDriver extends PostgreSqlDriver {
  constructor(config: Configuration) {
    super(config);
    Object.assign(this, { connection: new GatehouseConnection(this.config) }); // readonly in the base class
  }
}

class GatehouseConnection extends PostgreSqlConnection {
  override mapOptions(
    overrides: Parameters<PostgreSqlConnection['mapOptions']>[0],
  ): ReturnType<PostgreSqlConnection['mapOptions']> {
    const options = super.mapOptions(overrides);
    return { ...options, types: withDates(options.types ?? types) };
  }

  // Only the caller knows the type of the result.
  override execute: PostgreSqlConnection['execute'] = (query, params = [], ...rest) => {
    const [method = 'all', transaction, context] = rest;
    const raw = toRaw(query, params);
    return inStatementSpan(raw.sql, async () => {
      await this.ensureConnection();
      const { text, values } = bind(raw, (id) => this.platform.quoteIdentifier(id));
      const run = async () => {
        const statement = CompiledQuery.raw(text, [...values]);
        const result = await (transaction ?? this.getClient()).executeQuery(statement);
        return this.transformRawResult<never>(result, method);
      };
      return this.executeQuery(text, run, context);
    });
  };
}

/** For `timestamptz` the parser of node-postgres, for other types those given. */
function withDates(parsers: CustomTypesConfig): CustomTypesConfig {
  const getTypeParser: CustomTypesConfig['getTypeParser'] = (oid, format) =>
    (oid === types.builtins.TIMESTAMPTZ ? types : parsers).getTypeParser(oid, format);
  return { getTypeParser };
}

type Query = Parameters<PostgreSqlConnection['execute']>[0];

function toRaw(query: Query, params: unknown): Pick<RawQueryFragment, 'sql' | 'params'> {
  const raw = query instanceof NativeQueryBuilder ? query.toRaw() : query;
  if (typeof raw !== 'string') return raw;
  if (!Array.isArray(params)) throw new Error('named parameters are not supported');
  return { sql: raw, params };
}

const placeholder = /\\\?|\?\??/g;

/**
 * Translates MikroORM's placeholders into those of PostgreSQL: `?` is a value, `??` an identifier, `\?` a
 * question mark. An array is one value, for `any(?::uuid[])`.
 */
export function bind(
  { sql, params }: { readonly sql: string; readonly params: readonly unknown[] },
  quoteIdentifier: (id: string) => string,
  values: unknown[] = [],
): BoundStatement {
  if (params.length === 0) return { text: sql, values };
  let next = 0;
  const bindValue = (value: unknown): string => {
    if (isRaw(value)) return bind(value, quoteIdentifier, values).text;
    values.push(toValue(value));
    return `$${values.length}`;
  };
  const text = sql.replace(placeholder, (mark) => {
    if (mark === '\\?') return '?';
    const param = params[next++];
    return mark === '??' ? quoteIdentifier(param as string) : bindValue(param);
  });
  return { text, values };
}

function toValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString();
  const isJson = Utils.isPlainObject(value) || Object(value)[JsonProperty];
  return isJson ? JSON.stringify(value) : value;
}

/** Characters of a statement that a trace shows. */
const maxSpanTextLength = 2000;

/** Runs a statement in a span of its own if tracing is enabled. */
export function inStatementSpan<Result>(sql: string, run: () => Promise<Result>): Promise<Result> {
  const tracer = currentTracer();
  if (!tracer) return run();
  const text = sql.replace(/\s+/g, ' ').trim();
  const attributes = {
    'db.system.name': 'postgresql',
    'db.query.text': text.slice(0, maxSpanTextLength),
  };
  return tracer.span(text.split(' ', 1)[0]?.toUpperCase() ?? 'SQL', attributes, run);
}
