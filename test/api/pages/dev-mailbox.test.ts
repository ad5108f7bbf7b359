/** The development mailbox. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { goodPassword } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { EMAIL_HOST: '' } });
});
afterAll(() => service.close());

const get = (path: string, accept = 'application/json') =>
  fetch(`${service.address}${path}`, { headers: { accept } });

async function firstMail() {
  for (let round = 0; round < 200; round += 1) {
    const { data } = (await (await get('/dev/mailbox')).json()) as {
      data: { id: string; text: string }[];
    };
    if (data[0]) return data[0];
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('no mail');
}

test('mails are kept where no mail server is set, for people and for programs', async () => {
  await service.rest('POST', '/register/', {
    json: {
      email: 'ada@example.com',
      first_name: '<Ada>'.replace(/[<>]/g, ''),
      last_name: 'L',
      password: goodPassword,
    },
  });
  const { id, text } = await firstMail();
  expect(text).toMatch(/^Code: [A-Za-z0-9_-]{22}$/m);
  const list = await (await get('/dev/mailbox', 'text/html')).text();
  expect(list).toContain(`/dev/mailbox/${id}`);
  const page = await get(`/dev/mailbox/${id}`, 'text/html');
  expect(await page.text()).toContain('Confirm your email address');
  const part = await get(`/dev/mailbox/${id}/html`, 'text/html');
  expect(part.headers.get('content-security-policy')).toContain('sandbox');
});

test('only the owner of the process can read the mails', async () => {
  const { id } = await firstMail();
  const directory = join(service.app.config.dataDirectory, 'mailbox');
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  expect((await stat(join(directory, `${id}.json`))).mode & 0o777).toBe(0o600);
});

test('the log names the mailbox but not the code', async () => {
  const { text } = await firstMail();
  const code = /Code: (\S+)/.exec(text)?.[1] ?? 'missing';
  const log = service.logLines.join('\n');
  expect(log).toContain('/dev/mailbox');
  expect(log).not.toContain(code);
});

test.each([
  '/dev/mailbox/00000000-0000-0000-0000-000000000000',
  '/dev/mailbox/..%2f..%2fsecret-key',
])('%s is 404', async (path) => {
  expect((await get(path)).status).toBe(404);
});

test.each([
  '/dev/mailbox/00000000-0000-0000-0000-000000000000',
  '/dev/mailbox/00000000-0000-0000-0000-000000000000/html',
  '/dev/mailbox/preview/nothing',
])(
  'a browser that opens %s gets the page for a missing address, and a program JSON',
  async (path) => {
    const page = await get(path, 'text/html');
    expect(page.status).toBe(404);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain('<h1>Page not found</h1>');
    const json = await get(path, 'application/json');
    expect([json.status, await json.json()]).toMatchObject([404, { data: { code: 'NOT_FOUND' } }]);
  },
);

test('the mailbox does not exist where a mail server is set', async () => {
  await using withServer = await startService();
  expect((await fetch(`${withServer.address}/dev/mailbox`)).status).toBe(404);
});
