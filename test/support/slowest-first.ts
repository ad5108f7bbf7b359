/**
 * The order of the test files: the slowest files run first, so that no worker runs one alone at the end. vitest has
 * the durations of the last run; a new clone has none.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Files that are slow for their size, because they wait or start processes. Two concurrent files use the processors
 * well, because one works while the other waits.
 */
const slow = [
  'ecosystem/django-migration',
  'ecosystem/django-return',
  'contract/bad-input',
  'database/timeouts',
  'resilience/faults/short',
  'verify/verify',
  'embedded-postgres/embedded',
  'api/http/slow-clients',
  'leaks/leaks',
  'features/authentication/equal-answers',
  'cli/serve',
  'api/pages/browser',
  'features/audit/long-transactions',
  'deploy/haproxy',
  'features/administration/many-users',
  'rate-limit/rate-limits',
  'docs/examples',
  'cli/signals',
  'api/ops/event-stream',
  'features/sessions/races',
  'database/change-feed',
  'cli/prompts',
  'rate-limit/owner',
  'features/profile/email-change',
  'features/audit/removals',
  'api/pages/links',
  'cli/audit-tail',
  'cli/control-characters',
  'resilience/overload/overload',
  'api/pages/tools',
  'jobs/jobs',
  'cli/output',
  'database/primary',
  'cli/killed',
  'resilience/faults/queue',
  'cli/embedded-service',
  'features/sessions/database-away',
  'deploy/chart',
  'rate-limit/mails',
  'security/throttling',
  'cli/users',
  'cli/schema',
];

const fileOf = (name: string) => fileURLToPath(new URL(`../${name}.test.ts`, import.meta.url));
const files = slow.map(fileOf);

export class SlowestFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const missing = files.filter((file) => !existsSync(file));
    if (missing.length > 0) throw new Error(`slow tests that do not exist: ${missing}`);
    const place = ({ moduleId }: TestSpecification) => {
      const found = files.indexOf(moduleId);
      return found < 0 ? files.length : found;
    };
    const sorted = await super.sort(specifications);
    return sorted.toSorted((one, other) => place(one) - place(other));
  }
}
