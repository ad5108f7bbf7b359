/** Inserts many users without the search index, because to create it afterwards is much faster. */

/** @param query executes a statement and returns its rows */
export async function withoutSearchIndex(
  query: (sql: string) => Promise<readonly object[]>,
  work: () => Promise<unknown>,
): Promise<void> {
  const [index] = await query(
    "select pg_get_indexdef('users_search_index'::regclass) as definition",
  );
  const { definition } = index as { definition: string }; // the alias of the query
  await query('drop index users_search_index');
  await work();
  await query(definition);
}
