/** Walks a connection from its first page to its last. */
import type { Connection } from '../features/administration/connection.ts';

const pageSize = 100;

export async function* everyPage<Thing, Row>(
  ask: (page: {
    readonly first: number;
    readonly after: string | null;
  }) => Promise<Connection<Thing>>,
  toRows: (things: readonly Thing[]) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  let after: string | null = null;
  for (;;) {
    const { nodes, pageInfo }: Connection<Thing> = await ask({ first: pageSize, after });
    yield await toRows(nodes);
    if (!pageInfo.hasNextPage) return;
    after = pageInfo.endCursor;
  }
}
