/** Memory is returned once in each idle period, and not under load. */
import { afterEach, expect, test } from 'vitest';
import { returnMemoryWhenIdle } from '../../src/observability/idle-memory.ts';
import { until } from '../support/until.ts';

const opened = new DisposableStack();
afterEach(() => opened.dispose());

const heap = () => process.memoryUsage().heapUsed / 1e6;

/** About fifty megabytes without a reference. */
function litter(): void {
  const rubbish = Array.from({ length: 800_000 }, (_, index) => ({ index }));
  expect(rubbish).toHaveLength(800_000);
}

test('unreferenced memory is returned soon after the work has ended', async () => {
  opened.use(returnMemoryWhenIdle(100));
  for (let round = 0; round < 2; round += 1) {
    litter();
    const full = heap();
    await until(() => heap() < full - 20);
  }
});
