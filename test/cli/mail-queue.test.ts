/** `mail list` and `mail resend`, with a mail server that refuses some recipients. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { operatorContext } from '../../src/cli/context.ts';
import { environmentOf } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress, somebody } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

const refusals = new Map<string, number>();

let service: TestService;
beforeAll(async () => {
  const mail = await startMailServer({
    onRcptTo: ({ address }, _session, done) => {
      const responseCode = refusals.get(address);
      done(responseCode ? Object.assign(new Error('no such box'), { responseCode }) : undefined);
    },
  });
  const { SECRET_KEY = '' } = environmentOf({ url: '' });
  service = await startService({ mail, environment: { SECRET_KEY } });
});
afterAll(async () => {
  await service.close();
  await service.mail.close();
});

const run = (...args: string[]) =>
  runCommand(['mail', ...args], { environment: environmentOf(service.database, service.mail) });

async function list(...args: string[]) {
  const { code, stdout, stderr } = await run('list', '--json', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Record<string, unknown>[];
}

const register = (email: string) =>
  service.graphql('mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', {
    input: { email, password: goodPassword, firstName: 'Ada', lastName: 'Lovelace' },
  });

const failures = async () =>
  (
    await service.database.query<{ error: string }>(
      'select last_error as error from graphile_worker._private_jobs where last_error is not null and locked_at is null',
    )
  ).length;

test('a refused recipient is dead immediately, a deferred one is retried, and other mails are not delayed', async () => {
  const [refused, putOff, good] = [newAddress(), newAddress(), newAddress()];
  refusals.set(refused, 550).set(putOff, 451);
  for (const email of [refused, putOff, good]) await register(email);
  await service.mail.waitFor(good);
  await until(async () => (await failures()) === 2);

  const mails = await list();
  expect(mails).toHaveLength(2);
  // Each registration has its own job that writes the code mail, so the order of the two is not fixed.
  expect(mails.find(({ to }) => to === refused)).toMatchObject({
    state: 'dead',
    mail: 'verify-email',
    attempts: 1,
    nextAttemptAt: null,
    lastError: expect.stringContaining('550 no such box'),
  });
  expect(mails.find(({ to }) => to === putOff)).toMatchObject({
    state: 'retrying',
    lastError: expect.stringContaining('451'),
  });
  expect(await list('--dead', '--limit', '1')).toMatchObject([{ to: refused }]);
  const table = await run('list', '--dead');
  expect(table.stdout).toMatch(/^ID +STATE +MAIL +TO /);
  expect(table.stdout).toContain(refused);
  expect(table.stdout).not.toContain(putOff);

  refusals.clear();
  const resent = await run('resend', '--all-dead', '--json');
  expect(resent).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(resent.stdout).resent).toHaveLength(1);
  await service.mail.waitFor(refused);
  await service.mail.waitFor(putOff);
  await until(async () => (await list()).length === 0);
});

test('a mail is sent again by its id, and the audit log has an entry', async () => {
  const email = newAddress();
  refusals.set(email, 552);
  await register(email);
  await until(async () => (await failures()) === 1);
  const [{ id } = {}] = await list('--dead');
  refusals.clear();
  expect(await run('resend', String(id))).toMatchObject({
    code: 0,
    stdout: '1 mail is due now.\n',
  });
  await service.mail.waitFor(email);
  const { audit, unitOfWork } = service.app;
  const filter = { action: 'mails-resent' };
  const { entries } = await unitOfWork.withEntityManager(() =>
    audit.entries.tail({ filter, limit: 1 }, operatorContext()),
  );
  expect(entries.at(-1)).toMatchObject({
    actorKind: 'operator',
    after: { count: 1, ids: [id] },
  });
});

test.each([
  [['999999'], 1, 'NOT_FOUND'],
  [[], 2, '--all-dead'],
  [['1', '--all-dead'], 2, '--all-dead'],
  [['all'], 2, 'is a number'],
])('resend %j is refused with %i', async (args, code, hint) => {
  const result = await run('resend', ...args);
  expect(result.code).toBe(code);
  expect(result.stderr).toContain(hint);
});

test('an erasure deletes the dead mails of the account', async () => {
  const { email, accessToken } = await somebody(service);
  refusals.set(email, 550);
  const change = 'mutation { updateProfile(input: { firstName: "Eve" }) { __typename } }';
  await service.graphql(change, {}, accessToken);
  await until(async () => (await failures()) === 1);
  expect(await list('--dead')).toMatchObject([{ mail: 'account-changed', to: email }]);
  refusals.clear();
  const erase = `mutation ($password: String!) { eraseAccount(password: $password) { __typename } }`;
  await service.graphql(erase, { password: goodPassword }, accessToken);
  await service.mail.waitFor(email);
  expect(await list('--dead')).toEqual([]);
});
