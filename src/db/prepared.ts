/**
 * Statements that a connection prepares when it first meets them, and then runs without parsing and
 * planning them again: those of the hot path, which does so hundreds of times in a second. Not for
 * statements whose best plan depends on their values, and not with `*`, which a migration makes longer
 * under a connection that has prepared it.
 */
const names = new Map<string, string>();

/**
 * Marks a statement.
 *
 * @param sql with `?` where single values belong
 * @returns it, without space around it
 */
export function prepared(sql: string): string {
  const statement = sql.trim();
  const text = inPositions(statement);
  if (!names.has(text)) names.set(text, `gatehouse-${names.size + 1}`);
  return statement;
}

/** The name that the statement has in every connection; only if it was marked. */
export function preparedName(text: string): string | undefined {
  return names.get(text);
}

/** With `$1`, `$2` … as the statement is sent. */
export function inPositions(sql: string): string {
  let position = 0;
  return sql.replace(/\?/g, () => `$${++position}`);
}
