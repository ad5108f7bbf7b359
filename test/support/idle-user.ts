/** People whose mails have all gone out: whoever counts statements or cuts the wire wants no jobs beside. */
import { somebody } from './people.ts';
import type { TestService } from './service.ts';
import { until } from './until.ts';

export async function personAtRest(
  service: TestService,
  input: Parameters<typeof somebody>[1] = {},
): ReturnType<typeof somebody> {
  const one = await somebody(service, input);
  await until(async () => {
    const jobs = await service.database.query('select 1 from graphile_worker._private_jobs');
    return jobs.length === 0;
  });
  return one;
}
