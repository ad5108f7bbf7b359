/**
 * Before each file: a test without an assertion fails, for example because of a loop that runs zero times or an early
 * return. Concurrent tests are excluded, because they share one `expect`.
 */
import { beforeEach, expect } from 'vitest';

beforeEach(({ task }) => {
  if (!task.concurrent) expect.hasAssertions();
});
