/** A mail server after a long outage: the waiting mails are sent soon after it is back, and no earlier. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

const deferredAddress = newAddress();
let isAway = true;
let greetings = 0;

let service: TestService;
beforeAll(async () => {
  const busy = () => Object.assign(new Error('closing down'), { responseCode: 421 });
  const mail = await startMailServer({
    onConnect: (_session, done) => {
      greetings += 1;
      done(isAway ? busy() : undefined);
    },
    onRcptTo: ({ address }, _session, done) =>
      done(
        address === deferredAddress
          ? Object.assign(new Error('greylisted'), { responseCode: 451 })
          : undefined,
      ),
  });
  service = await startService({ mail });
});
afterAll(async () => {
  await service.close();
  await service.mail.close();
});

const register = (email: string) =>
  service.rest('POST', '/register/', {
    json: { email, first_name: 'Ada', last_name: 'L', password: goodPassword },
  });

const later = async () =>
  (
    await service.database.query<{ error: string }>(
      `select last_error as error from graphile_worker._private_jobs
       where last_error is not null and run_at > now() + interval '1 minute'`,
    )
  ).map(({ error }) => error);

/** Sets the state after hours of outage, once that many mails have failed. */
const delayRetries = (count: number) =>
  until(async () => {
    await service.database.query(
      `update graphile_worker._private_jobs set run_at = now() + interval '1 hour'
       where last_error is not null and locked_at is null`,
    );
    return (await later()).length === count;
  });

/** Runs the scheduled job of every minute, and resolves when it is done. */
async function resumeMails(): Promise<void> {
  await service.database.query("select graphile_worker.add_job('resume-mails', '{}'::json)");
  await until(async () => {
    const rows = await service.database.query(
      "select 1 from graphile_worker.jobs where task_identifier = 'resume-mails'",
    );
    return rows.length === 0;
  });
}

const minuteNow = () => Math.floor(Date.now() / 60_000);

test('mails that wait for the server are sent when it is back; a mail that the server deferred keeps its delay', async () => {
  const addresses = [newAddress(), newAddress(), newAddress()];
  for (const email of addresses) expect((await register(email)).status).toBe(201);
  await delayRetries(addresses.length);
  for (const error of await later()) {
    expect(error).toMatch(/^The mail server is unavailable: .*421/);
  }

  const [asked, minute] = [greetings, minuteNow()];
  await resumeMails();
  const scheduledRuns = 1 + minuteNow() - minute; // the schedule's own run may come between
  expect(greetings - asked).toBeGreaterThanOrEqual(1);
  expect(greetings - asked).toBeLessThanOrEqual(scheduledRuns);
  expect(await later()).toHaveLength(addresses.length);

  isAway = false;
  await register(deferredAddress);
  await delayRetries(addresses.length + 1);
  await resumeMails();
  for (const email of addresses) await service.mail.waitFor(email);
  expect(await later()).toEqual([expect.stringContaining('451')]);

  const met = greetings;
  await resumeMails();
  expect(greetings).toBe(met); // no mail waits for the server
});
