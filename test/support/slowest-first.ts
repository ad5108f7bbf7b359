/**
 * The order of the test files: what takes longest begins first, so that no worker is left alone with it
 * in the end. vitest knows from the last run how long files take; in a fresh clone there was none.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Slower than the size of the file tells, as they wait for something or start processes; of two that run
 * at once one waits while the other works.
 */
const slow = [
  'contract/bad-input',
  'db/patience',
  'faults/short',
  'api/http-slow',
  'rate-limit/rate-limits',
  'db/embedded',
  'leaks/leaks',
  'sessions/feed',
  'cli/serve',
  'db/jobs',
  'cli/killed',
  'sessions/database-away',
  'faults/queue',
  'cli/embedded-service',
  'sessions/verify',
  'readme',
];

export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = slow.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return found < 0 ? slow.length : found;
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => place(one) - place(other));
  }
}
