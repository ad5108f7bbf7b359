/** The erasure of an account deletes its queued mails. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMailServer } from '../../support/mail-server.ts';
import { goodPassword, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

let service: TestService;
beforeAll(async () => {
  const mail = await startMailServer({
    onRcptTo: ({ address }, _session, done) =>
      done(Object.assign(new Error(`${address}: later`), { responseCode: 451 })),
  });
  service = await startService({ mail });
});
afterAll(async () => {
  await service.close();
  await service.mail.close();
});

/** The kinds of the queued mails that contain one of these ids or addresses. */
async function queuedMails(values: readonly string[]): Promise<string[]> {
  const rows = await service.database.query<{ mail: string }>(
    `select payload ->> 'mail' as mail from graphile_worker._private_jobs
     where concat(payload, last_error) ~ $1 and last_error is not null order by 1`,
    [values.join('|')],
  );
  return rows.map(({ mail }) => mail);
}

test('an erasure deletes the queued mails of the account, except the notice of the erasure', async () => {
  const { accessToken, email, userId } = await somebody(service);
  await service.rest('PUT', '/profile/update/', { token: accessToken, json: { first_name: 'A' } });
  await service.rest('POST', '/password/request_change/', { json: { email } });
  await until(async () => (await queuedMails([email])).length === 2);
  const codes = await service.database.query<{ id: string }>(
    'select id from one_time_passwords where user_id = $1',
    [userId],
  );
  const ids = [userId, ...codes.map(({ id }) => id)];
  expect(await queuedMails(ids)).toHaveLength(2);
  const { data } = await service.graphql(
    'mutation ($password: String!) { eraseAccount(password: $password) { __typename } }',
    { password: goodPassword },
    accessToken,
  );
  expect(data.eraseAccount).toEqual({ __typename: 'Acknowledgement' });
  await until(async () => (await queuedMails([email])).length > 0);
  expect(await queuedMails([email])).toEqual(['account-erased']);
  expect(await queuedMails(ids)).toEqual([]);
});
