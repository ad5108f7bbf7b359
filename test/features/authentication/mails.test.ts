/** Mails about changes of an account, and their delivery with an unreliable mail server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { User } from '../../../src/features/users/user.entity.ts';
import { startMailServer } from '../../support/mail-server.ts';
import { goodPassword, newAddress, person } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

/** Changes a user in one transaction, as a service function does. */
async function change(userId: string, values: Partial<User>): Promise<void> {
  const { unitOfWork } = service.app;
  await unitOfWork.withEntityManager(() =>
    unitOfWork.transaction(async () => {
      const user = await unitOfWork.em.findOneOrFail(User, { id: userId });
      Object.assign(user, values);
    }),
  );
}

test.each([
  [{ firstName: 'Augusta' }, 'Your account at Gatehouse was changed', 'first name'],
  [
    { username: 'augusta', lastName: 'King' },
    'Your account at Gatehouse was changed',
    'username, last name',
  ],
  [{ isStaff: true }, 'Security notice: administrator rights at Gatehouse', 'administrator'],
  [{ isSuperuser: true }, 'Security notice: administrator rights at Gatehouse', 'administrator'],
  [
    { status: 'DISABLED' as const },
    'Security notice: your Gatehouse account was disabled',
    'disabled',
  ],
])('the change %j sends a mail to the owner', async (values, subject, word) => {
  const { email, userId } = await person(service);
  await change(userId, values);
  const mails = await service.mail.waitFor(email, 2);
  expect(mails.at(-1)).toMatchObject({ subject });
  expect(mails.at(-1)?.text).toContain(word);
  expect(mails.at(-1)?.html).toMatch(/<p [^>]*>/);
});

test('a transaction that is rolled back sends no mail', async () => {
  const { email, userId } = await person(service);
  const { unitOfWork } = service.app;
  const failed = unitOfWork.withEntityManager(() =>
    unitOfWork.transaction(async () => {
      const user = await unitOfWork.em.findOneOrFail(User, { id: userId });
      user.firstName = 'Augusta';
      await unitOfWork.em.flush();
      throw new Error('after the flush');
    }),
  );
  await expect(failed).rejects.toThrow('after the flush');
  await change(userId, { lastName: 'King' });
  const mails = await service.mail.waitFor(email, 2);
  await sleep(200);
  expect(service.mail.mails.filter(({ to }) => to === email)).toHaveLength(mails.length);
  expect(mails.at(-1)?.text).toContain('Changed: last name');
});

test('a user who becomes a superuser joins Root and gets a mail', async () => {
  const { email, userId } = await person(service);
  await change(userId, { isSuperuser: true });
  await service.mail.waitFor(email, 2);
  const groups = await service.database.query(
    'select g.name, g.description from user_groups ug join groups g on g.id = ug.group_id where ug.user_id = $1',
    [userId],
  );
  expect(groups).toEqual([{ name: 'Root', description: 'Superusers Group' }]);
});

test('a mail that the mail server defers twice is delivered once', async () => {
  let attempts = 0;
  const unreliable = await startMailServer({
    onMailFrom: (_address, _session, done) => {
      attempts += 1;
      done(attempts > 2 ? null : Object.assign(new Error('later'), { responseCode: 451 }));
    },
  });
  await using late = await startService({ mail: unreliable });
  const email = newAddress();
  const response = await late.rest('POST', '/register/', {
    json: { email, first_name: 'Ada', last_name: 'L', password: goodPassword },
  });
  expect(response.status).toBe(201);
  for (let round = 0; unreliable.mails.length === 0 && round < 400; round += 1) {
    await late.database.query(
      'update graphile_worker._private_jobs set run_at = now() where attempts > 0 and locked_at is null',
    );
    await sleep(25);
  }
  expect(unreliable.mails).toHaveLength(1);
  expect(attempts).toBe(3);
  await unreliable.close();
});

test('each mail has its own Message-ID, which retries keep', async () => {
  const ids: string[] = [];
  const unreliable = await startMailServer({
    judge: (_text, messageId) => {
      ids.push(messageId);
      return ids.length > 2 ? undefined : Object.assign(new Error('later'), { responseCode: 451 });
    },
  });
  await using late = await startService({ mail: unreliable });
  const register = (email: string) =>
    late.rest('POST', '/register/', {
      json: { email, first_name: 'Ada', last_name: 'L', password: goodPassword },
    });
  await register(newAddress());
  for (let round = 0; unreliable.mails.length === 0 && round < 400; round += 1) {
    await late.database.query(
      'update graphile_worker._private_jobs set run_at = now() where attempts > 0 and locked_at is null',
    );
    await sleep(25);
  }
  const other = newAddress();
  await register(other);
  await unreliable.waitFor(other);
  expect(ids).toHaveLength(4);
  const [first, second, third, fourth] = ids;
  expect([second, third]).toEqual([first, first]);
  expect(fourth).not.toBe(first);
  for (const id of ids)
    expect(id).toMatch(/^<[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@auth\.test>$/);
  await unreliable.close();
});

test('a mail is retried for more than a day', async () => {
  await using down = await startService({ environment: { EMAIL_PORT: '1' } });
  await down.rest('POST', '/register/', {
    json: { email: newAddress(), first_name: 'Ada', last_name: 'L', password: goodPassword },
  });
  const [job] = await down.database.query<{ seconds: number }>(
    `select (select sum(exp(least(10, attempt))) from generate_series(1, max_attempts - 1) attempt)::float as seconds
     from graphile_worker._private_jobs`,
  );
  expect(job?.seconds).toBeGreaterThan(86_400);
});

test('a job contains ids and no secret', async () => {
  const email = newAddress();
  await using down = await startService({ environment: { EMAIL_PORT: '1' } });
  await down.rest('POST', '/register/', {
    json: { email, first_name: 'Ada', last_name: 'L', password: goodPassword },
  });
  const payloads = async () => {
    const jobs = await down.database.query<{ payload: { mail?: string } }>(
      'select payload from graphile_worker._private_jobs',
    );
    return jobs.map(({ payload }) => payload).filter(({ mail }) => mail !== undefined);
  };
  await until(async () => (await payloads()).length > 0);
  expect(await payloads()).toEqual([
    {
      mail: 'verify-email',
      to: email,
      codeIds: [expect.stringMatching(/^[0-9a-f-]{36}$/)],
      messageKey: expect.stringMatching(/^[0-9a-f-]{36}$/),
    },
  ]);
});

test('a registration returns within three seconds while the mail server hangs', async () => {
  const hung = await startMailServer({ onConnect: () => undefined });
  await using slow = await startService({ mail: hung });
  const start = performance.now();
  const response = await slow.rest('POST', '/register/', {
    json: { email: newAddress(), first_name: 'Ada', last_name: 'L', password: goodPassword },
  });
  expect(response.status).toBe(201);
  expect(performance.now() - start).toBeLessThan(3000);
  await hung.close();
}, 60_000);
