/** A bar on stderr for work that takes long; only a terminal shows it, and only while it lasts. */

import type { Connection } from '../database/pagination/connection.ts';
import type { Output } from './io.ts';

export interface Progress extends Disposable {
  /** How much of all is done. */
  show(done: number, all: number): void;
}

const patienceMilliseconds = 500;
const redrawMilliseconds = 100;
const barWidth = 30;

export function createProgress(label: string, stderr: Output): Progress {
  let nextDraw = Date.now() + patienceMilliseconds;
  let isShown = false;
  return {
    show(done, all) {
      if (!isProgressVisible(stderr) || Date.now() < nextDraw) return;
      nextDraw = Date.now() + redrawMilliseconds;
      isShown = true;
      stderr.write(`\r${label} ${barOf(done, all)} ${done}/${all}`);
    },
    [Symbol.dispose]() {
      if (isShown) stderr.write('\r\x1b[K');
    },
  };
}

/** Whether anybody would see the bar. */
export function isProgressVisible(stderr: Output): boolean {
  return stderr.isTTY === true;
}

function barOf(done: number, all: number): string {
  const filled = all === 0 ? barWidth : Math.min(barWidth, Math.floor((barWidth * done) / all));
  return `[${'#'.repeat(filled)}${' '.repeat(barWidth - filled)}]`;
}

const pageSize = 100;

export async function* paginate<Thing, Row>(
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
