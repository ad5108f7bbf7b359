/** A user whose registration mails were sent, so that no job runs while a test counts statements or cuts connections. */
import { somebody } from './people.ts';
import type { TestService } from './service.ts';
import { until } from './until.ts';

export async function createIdleUser(
  service: TestService,
  input: Parameters<typeof somebody>[1] = {},
): ReturnType<typeof somebody> {
  const user = await somebody(service, input);
  await until(async () => {
    const jobs = await service.database.query('select 1 from graphile_worker._private_jobs');
    return jobs.length === 0;
  });
  return user;
}
