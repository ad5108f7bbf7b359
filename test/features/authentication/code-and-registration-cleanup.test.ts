/** The cleanup of old registrations. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { person, register, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const purge = () =>
  service.app.jobs.tasks['purge-registrations']?.({}, { key: 'test', attempt: 1 });

const isIn = async (table: 'users' | 'registrations', email: string) =>
  (await service.database.query(`select 1 from ${table} where email = $1`, [email])).length === 1;

const day = 86_400;

test('unconfirmed registrations are deleted after a month together with their codes', async () => {
  const { query } = service.database;
  const unconfirmed = await register(service);
  const provisioned = await service.app.unitOfWork.withEntityManager(() =>
    service.app.users.provisioning.provision(
      { email: 'operator-created@example.com', password: 'correct horse battery staple' },
      { kind: 'user', isActive: false },
    ),
  );
  const confirmed = await person(service);
  await purge();
  expect(await isIn('registrations', unconfirmed.email)).toBe(true);

  service.advance(29 * day);
  const late = await register(service);
  await purge();
  expect(await isIn('registrations', unconfirmed.email)).toBe(true);

  service.advance(3 * day);
  await purge();
  expect(await isIn('registrations', unconfirmed.email)).toBe(false);
  expect(await isIn('registrations', late.email)).toBe(true);
  expect(await isIn('users', provisioned.email)).toBe(true);
  expect(await tryLogin(service, confirmed.email)).toMatchObject({ __typename: 'TokenPair' });
  const codes = await query<{ email: string }>('select email from one_time_passwords');
  expect(codes).toEqual([]);
  expect(service.app.jobs.schedule).toMatch(/^23 3 \* \* \* purge-registrations$/m);
});
