/** Password resets: ended sessions, malformed links, disabled accounts and redirects. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nastyStrings } from '../support/nasty-strings.ts';
import { goodPassword, register, somebody, tryLogin } from '../support/people.ts';
import { chosenPassword, resetLink as linkOf, resetByRest } from '../support/resets.ts';
import { startService, type TestService } from '../support/service.ts';
import { isIn, refresh } from '../support/session-calls.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
});
afterAll(() => service.close());

const resetLink = (email: string) => linkOf(service, email);
const resetRest = (uid: string, token: string, extra?: object) =>
  resetByRest(service, uid, token, extra);

const mutate = (operation: string, type: string, input: object, token?: string) =>
  service.graphql(
    `mutation ($input: ${type}!) { result: ${operation}(input: $input) { __typename ... on Problem { code } } }`,
    { input },
    token,
  );

test('D03: a reset ends three sessions on two replicas, access and refresh tokens alike', async () => {
  await using other = await startService({
    database: service.database,
    mail: service.mail,
    environment: { RATE_LIMITS: 'off' },
  });
  const first = await somebody(service);
  const logins = [first, await tryLogin(other, first.email), await tryLogin(service, first.email)];
  for (const { accessToken } of logins) {
    expect([await isIn(service, accessToken), await isIn(other, accessToken)]).toEqual([
      true,
      true,
    ]);
  }
  const { uid, token } = await resetLink(first.email);
  expect((await resetRest(uid, token)).status).toBe(200);
  for (const { accessToken } of logins) expect(await isIn(service, accessToken)).toBe(false);
  await other.app.changeFeed.waitUntilDelivered();
  for (const { accessToken, refreshToken } of logins) {
    expect(await isIn(other, accessToken)).toBe(false);
    for (const at of [service, other]) expect(await refresh(at, refreshToken)).toBeUndefined();
  }
});

test('D10: 500 malformed tokens get the same response, on both interfaces', async () => {
  const { email } = await somebody(service);
  const { uid } = await resetLink(email);
  const random = Array.from({ length: 500 - nastyStrings.length }, (_, index) =>
    String.fromCharCode(...Array.from({ length: 1 + (index % 40) }, () => 33 + Math.random() * 94)),
  );
  // A URL cannot have these as a segment.
  const texts = [...nastyStrings, ...random].filter((text) => !/^\.{1,2}$/.test(text));
  const input = { uid, password: chosenPassword };
  const requests: readonly ((text: string) => Promise<string>)[] = [
    async (text) => {
      const path = `/password/verify/${uid}/${encodeURIComponent(text)}/`;
      const { status, body } = await service.rest('GET', path);
      return `check by REST: ${status} ${body.data.code}`;
    },
    async (text) => {
      const { status, body } = await resetRest(uid, text);
      return `reset by REST: ${status} ${body.data.code}`;
    },
    async (text) => {
      const token = { ...input, token: text };
      const { status, data } = await mutate('resetPassword', 'ResetPasswordInput', token);
      return `reset by GraphQL: ${status} ${data.result.code}`;
    },
  ];
  const responses = new Set<string>();
  const inputs = texts.map((text, index) => [text, index] as const);
  for (let from = 0; from < inputs.length; from += 16) {
    const wave = inputs.slice(from, from + 16);
    const answers = await Promise.all(wave.map(([text, index]) => requests[index % 3]?.(text)));
    for (const text of answers) responses.add(String(text));
  }
  // A text that no mail can contain, such as one with control characters, is malformed input.
  expect([...responses].sort()).toEqual([
    'check by REST: 401 INVALID_TOKEN',
    'reset by GraphQL: 200 INVALID_TOKEN',
    'reset by GraphQL: 200 VALIDATION_FAILED',
    'reset by REST: 400 INVALID_TOKEN',
    'reset by REST: 400 VALIDATION_FAILED',
  ]);
});

test('D11: a reset activates no disabled account, and its token contains no data of the account', async () => {
  const { email, userId } = await somebody(service);
  const { uid, token } = await resetLink(email);
  const bytes = Buffer.from(token, 'base64url');
  for (const text of [token, bytes.toString('latin1'), bytes.toString('hex')]) {
    expect(text).not.toContain(userId);
    expect(text).not.toContain(userId.replaceAll('-', ''));
    expect(text).not.toContain(email);
  }
  await service.database.query("update users set status = 'DISABLED' where id = $1", [userId]);
  const rejected = await resetRest(uid, token);
  expect([rejected.status, rejected.body.data.code]).toEqual([400, 'INVALID_TOKEN']);
  for (const password of [goodPassword, chosenPassword]) {
    const login = await service.rest('POST', '/login/', { json: { email, password } });
    expect(login.status).toBe(401);
  }
});

test('D13: a URL in a request is neither a redirect target nor part of a page', async () => {
  const { email, code } = await register(service);
  const targets = ['//evil.example', 'https://auth.test.evil.example', 'javascript:alert(1)'];
  const names = ['redirect_to', 'redirect_uri', 'next', 'return_url', 'callback'];
  for (const target of targets) {
    const added = new URLSearchParams(names.map((name) => [name, target])).toString();
    for (const path of ['/verify-email', '/auth/register/verify/']) {
      const page = await fetch(`${service.address}${path}?code=${code}&${added}`, {
        headers: { accept: 'text/html' },
        redirect: 'manual',
      });
      expect([page.status < 300 || page.status >= 400, page.headers.get('location')]).toEqual([
        true,
        null,
      ]);
      expect(await page.text()).not.toMatch(/evil|alert/);
    }
    const login = await service.rest('POST', `/login/?${added}`, {
      json: { email, password: goodPassword, redirect_to: target },
    });
    expect([login.headers.get('location'), login.text.includes('evil')]).toEqual([null, false]);
  }
});
