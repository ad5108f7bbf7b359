/**
 * Before each file: a test that asserts nothing fails, be it for a loop that runs zero times or for a
 * return that comes too early. Concurrent tests share one `expect`, which cannot tell them apart.
 */
import { beforeEach, expect } from 'vitest';

beforeEach(({ task }) => {
  if (!task.concurrent) expect.hasAssertions();
});
