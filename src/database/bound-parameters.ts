/**
 * Sends values beside the statement instead of in it. MikroORM (7.2) writes them into its text, where
 * everybody reads them who may look at running statements, slow ones in a log, or collected ones.
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
import { currentTracer } from '../observability/tracing.ts';

export interface BoundStatement {
  /** With `$1`, `$2` … where the values belong. */
  readonly text: string;
  readonly values: readonly unknown[];
}

export class BoundParametersDriver extends PostgreSqlDriver {
  constructor(config: Configuration) {
    super(config);
    Object.assign(this, { connection: new BoundParametersConnection(this.config) }); // readonly there
  }
}

class BoundParametersConnection extends PostgreSqlConnection {
  // The result's type depends on what the caller expects, which only the caller knows.
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

type Query = Parameters<PostgreSqlConnection['execute']>[0];

function toRaw(query: Query, params: unknown): Pick<RawQueryFragment, 'sql' | 'params'> {
  const given = query instanceof NativeQueryBuilder ? query.toRaw() : query;
  if (typeof given !== 'string') return given;
  if (!Array.isArray(params)) throw new Error('parameters by name are not used here');
  return { sql: given, params };
}

/** Whether a place is one of a value, an identifier, or a question mark that is meant as such. */
const placeholder = /\\\?|\?\??/g;

/** MikroORM's notation in PostgreSQL's: `?` is a value, `??` an identifier, `\?` a question mark. */
export function bind(
  { sql, params }: { readonly sql: string; readonly params: readonly unknown[] },
  quoteIdentifier: (id: string) => string,
  values: unknown[] = [],
): BoundStatement {
  if (params.length === 0) return { text: sql, values };
  let next = 0;
  const place = (value: unknown): string => {
    if (isRaw(value)) return bind(value, quoteIdentifier, values).text;
    if (Array.isArray(value) && !(JsonProperty in value)) return value.map(place).join(', ');
    values.push(toValue(value));
    return `$${values.length}`;
  };
  const text = sql.replace(placeholder, (mark) => {
    if (mark === '\\?') return '?';
    const param = params[next++];
    return mark === '??' ? quoteIdentifier(param as string) : place(param);
  });
  return { text, values };
}

function toValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Date) return value.toISOString();
  const isJson = Utils.isPlainObject(value) || Object(value)[JsonProperty];
  return isJson ? JSON.stringify(value) : value;
}

/** Characters of a statement that are told. */
const textLength = 2000;

/** Runs a statement, in a span of its own where there are any. */
function inStatementSpan<Result>(sql: string, run: () => Promise<Result>): Promise<Result> {
  const tracer = currentTracer();
  if (!tracer) return run();
  const text = sql.replace(/\s+/g, ' ').trim();
  const attributes = {
    'db.system.name': 'postgresql',
    'db.query.text': text.slice(0, textLength),
  };
  return tracer.span(text.split(' ', 1)[0]?.toUpperCase() ?? 'SQL', attributes, run);
}
