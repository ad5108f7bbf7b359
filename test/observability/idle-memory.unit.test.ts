/** Memory is given back once in each idle time, and not while there is work. */
import { afterEach, expect, test } from 'vitest';
import { returnMemoryWhenIdle } from '../../src/observability/idle-memory.ts';
import { until } from '../support/until.ts';

const opened = new DisposableStack();
afterEach(() => opened.dispose());

const heap = () => process.memoryUsage().heapUsed / 1e6;

/** Some fifty megabytes that nobody needs any more. */
function litter(): void {
  const rubbish = Array.from({ length: 800_000 }, (_, index) => ({ index }));
  expect(rubbish).toHaveLength(800_000);
}

test('what nobody needs is gone soon after the work is over', async () => {
  opened.use(returnMemoryWhenIdle(100));
  for (let round = 0; round < 2; round += 1) {
    litter();
    const full = heap();
    await until(() => heap() < full - 20);
  }
});
