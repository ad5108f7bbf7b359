/**
 * A span around every statement of the ORM, with its text as it was written: values come in for `?`
 * afterwards and are no part of it.
 */
import { NativeQueryBuilder, type RawQueryFragment } from '@mikro-orm/postgresql';
import type { Tracer } from '../core/tracing.ts';
import type { Orm } from './orm.ts';

/** Characters of a statement that are told. */
const textLength = 2000;

export function traceStatements(orm: Orm, tracer: Tracer): void {
  const connection = orm.em.getConnection();
  const execute = connection.execute.bind(connection);
  connection.execute = ((query, ...rest) => {
    const text = textOf(query).replace(/\s+/g, ' ').trim();
    const attributes = {
      'db.system.name': 'postgresql',
      'db.query.text': text.slice(0, textLength),
    };
    return tracer.span(text.split(' ', 1)[0]?.toUpperCase() ?? 'SQL', attributes, () =>
      execute(query, ...rest),
    );
  }) as typeof connection.execute; // whose result depends on its parameters
}

function textOf(query: string | NativeQueryBuilder | RawQueryFragment): string {
  if (typeof query === 'string') return query;
  return query instanceof NativeQueryBuilder ? query.toRaw().sql : query.sql;
}
