/** `rate-limits show` and `rate-limits reset`, with a running server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { goodPassword, person } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  const { SECRET_KEY = '' } = environmentOf({ url: '' });
  service = await startService({ environment: { SECRET_KEY, TRUST_PROXY: '1' } });
});
afterAll(() => service.close());

const run = (...args: string[]) =>
  runCommand(['rate-limits', ...args], {
    environment: environmentOf(service.database, service.mail),
  });

const show = async (...args: string[]) => {
  const { code, stdout, stderr } = await run('show', '--json', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as { limit: string; key: string; used: number; of: number }[];
};

const login = async (email: string, password: string, from: string) => {
  const { status } = await service.rest('POST', '/login/', {
    json: { email, password },
    headers: { 'x-forwarded-for': from },
  });
  return status;
};

async function runOut(email: string, from: string) {
  for (let attempt = 0; attempt < 10; attempt += 1) await login(email, 'wrong, all of it', from);
  expect(await login(email, goodPassword, from)).toBe(429);
}

test('the attempts of an account or a network are shown and reset', async () => {
  const { email } = await person(service);
  await runOut(email, '203.0.113.7');
  expect(await show('--account', email.toUpperCase())).toMatchObject([
    { limit: 'account', used: 10, of: 100 },
    { limit: 'mail-recipient', used: 1, of: 30 },
    { limit: 'account-network', used: 10, of: 10 },
  ]);
  expect(await show('--network', '203.0.113.7')).toMatchObject([
    { limit: 'network', key: '203.0.113.7', used: 10, of: 200 },
  ]);
  const fullest = await run('show');
  expect(fullest.stdout).toMatch(/^account-network +\S{22}:203\.0\.113\.7 +10 +10 +\d{4}-/m);
  expect(fullest.stdout).not.toContain('@');

  const pair = ['--account', email, '--network', '203.0.113.7'];
  expect(await show(...pair)).toMatchObject([{ limit: 'account-network', used: 10, of: 10 }]);
  expect(await run('reset', ...pair)).toMatchObject({
    code: 0,
    stdout: 'Reset 1 bucket: account-network.\n',
  });
  expect(await show(...pair)).toEqual([]);
  expect(await login(email, goodPassword, '203.0.113.7')).toBe(200);
});

test('the attempts of an account are reset with those of every network, and no others', async () => {
  const [{ email }, other] = [await person(service), await person(service)];
  for (const network of ['203.0.113.17', '2001:db8:7::1']) await runOut(email, network);
  await runOut(other.email, '203.0.113.18');
  expect(await run('reset', '--account', email)).toMatchObject({
    code: 0,
    stdout: 'Reset 4 buckets: account, mail-recipient, account-network.\n',
  });
  expect(await show('--account', email)).toEqual([]);
  expect(await login(email, goodPassword, '203.0.113.17')).toBe(200);
  expect(await login(email, goodPassword, '2001:db8:7::2')).toBe(200);
  expect(await login(other.email, goodPassword, '203.0.113.18')).toBe(429);
});

test('all buckets are reset at once', async () => {
  const { email } = await person(service);
  await runOut(email, '2001:db8::7');
  expect((await run('reset', '--all', '--yes')).stdout).toMatch(/^Reset \d+ buckets\.\n$/);
  expect(await show()).toEqual([]);
  expect((await run('show')).stdout).toMatch(/^LIMIT +KEY .*\n$/);
  expect(await login(email, goodPassword, '2001:db8::8')).toBe(200);
});

test.each([
  ['nothing to reset', ['reset'], 2, /--account, --network or both, or --all/],
  ['everything, without a terminal', ['reset', '--all'], 2, /--yes/],
  ['everything and one account', ['reset', '--all', '--account', 'a@b.co'], 2, /--all/],
  ['an invalid network', ['show', '--network', 'here'], 1, /network: Is not an IP address/],
  [
    'an invalid account',
    ['reset', '--account', 'a b'],
    1,
    /account: Is not an email address or username/,
  ],
])('%s is refused', async (_, args, code, reason) => {
  const result = await run(...args);
  expect(result.code).toBe(code);
  expect(result.stderr).toMatch(reason);
});

test('without rate limits the message reports it', async () => {
  const result = await runCommand(['rate-limits', 'show'], {
    environment: { ...environmentOf(service.database, service.mail), RATE_LIMITS: 'off' },
  });
  expect(result).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('RATE_LIMITS is off'),
  });
});
