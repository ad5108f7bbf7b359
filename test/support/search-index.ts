/** Many users are put in before the index of searches: to make it at once is far faster than one by one. */

/** @param query runs a statement and answers its rows */
export async function withoutSearchIndex(
  query: (sql: string) => Promise<readonly object[]>,
  work: () => Promise<unknown>,
): Promise<void> {
  const [index] = await query("select pg_get_indexdef('users_search_index'::regclass) as made");
  const { made } = index as { made: string }; // as it was asked for
  await query('drop index users_search_index');
  await work();
  await query(made);
}
