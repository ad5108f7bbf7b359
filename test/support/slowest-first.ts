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
  'leaks/leaks',
  'ecosystem/django-migration',
  'docs/examples',
  'resilience/faults/short',
  'cli/export',
  'contract/bad-input',
  'cli/import-interrupted',
  'database/timeouts',
  'api/ops/event-stream',
  'embedded-postgres/embedded',
  'database/change-feed',
  'verify/verify',
  'cli/create-users',
  'cli/embedded-service',
  'cli/output',
  'cli/signals',
  'rate-limit/rate-limits',
  'features/sessions/algorithms',
  'api/http/slow-clients',
  'features/authentication/equal-answers',
  'features/user-import/import-formats',
  'api/pages/browser',
  'cli/export-import',
  'deploy/haproxy',
  'features/administration/many-users',
  'features/profile/email-change',
  'cli/audit-tail',
  'rate-limit/owner',
  'cli/schema',
  'ecosystem/django-return',
  'api/http/pipelining',
  'features/authentication/short-codes',
  'cli/serve',
  'cli/prompts',
  'contract/openapi',
  'features/sessions/limit',
  'features/sessions/model',
  'features/sessions/races',
  'features/sessions/refresh',
  'rate-limit/mails',
  'cli/killed',
  'embedded-postgres/leases',
  'resilience/faults/queue',
  'features/audit/long-transactions',
  'features/audit/removals',
  'api/pages/links',
  'cli/control-characters',
  'resilience/overload/overload',
  'api/pages/tools',
  'jobs/jobs',
  'database/primary',
  'features/sessions/database-away',
  'deploy/chart',
  'security/throttling',
  'cli/users',
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
