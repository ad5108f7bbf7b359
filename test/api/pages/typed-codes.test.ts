/** The form of /verify-email for a code that is typed: the address and the code first, then the password. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTurn, many } from '../../support/attempts.ts';
import { shortCodesOf } from '../../support/mail-server.ts';
import { openPage, sendForm, titleOf } from '../../support/page.ts';
import {
  goodPassword,
  newAddress,
  pendingAccount,
  register,
  tryLogin,
  verify,
} from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const wrongCode = '0000-0000';
const wrongWords = 'This code is not valid for this address.';

async function registered() {
  const { email, code } = await register(service);
  return { email, code, shortCode: shortCodeTo(email) };
}

const shortCodeTo = (email: string) =>
  shortCodesOf(service.mail.mails.findLast(({ to }) => to === email))[0] ?? '';

/** Opens the form and sends it. */
async function type(email: string, code: string, language = 'en') {
  const page = await openPage(service, '/verify-email', { language });
  return sendForm(service, page, { typed: { email, code }, language });
}

const isRegistered = async (email: string) => {
  const sql = 'select failed_short_codes as failures from registrations where email = $1';
  return service.database.query<{ failures: number }>(sql, [email]);
};

describe('without a code the page', () => {
  test('asks for the address and the code, with labels and without scripts', async () => {
    const { status, html } = await openPage(service, '/verify-email');
    expect(status).toBe(200);
    expect(html).not.toMatch(/<script|<style|\bstyle=|\bon\w+=|maxlength/i);
    const ids = [...html.matchAll(/<input id="(\w+)"/g)].map(([, id]) => id);
    expect(ids).toEqual(['email', 'code']);
    for (const id of ids) expect(html).toContain(`<label for="${id}">`);
    expect(html).toContain('autocomplete="one-time-code"');
  });

  test('is Spanish for a Spanish browser, also with a fault', async () => {
    const wrong = await type(newAddress(), wrongCode, 'es');
    expect(wrong.html).toContain('<html lang="es">');
    expect(wrong.html).toContain('Este código no es válido para esta dirección.');
  });
});

test('a typed code leads to the password, and then to the account', async () => {
  const { email, shortCode } = await registered();
  const second = await type(email, shortCode.toLowerCase().replace('-', ' '));
  expect(second.status).toBe(200);
  expect(second.html).toContain('type="password"');
  expect(second.html).toContain(email);
  expect(second.html).not.toContain('aria-invalid');
  expect(await isRegistered(email)).toEqual([{ failures: 0 }]);
  const wrong = await sendForm(service, second, { typed: { password: 'not it' } });
  expect(wrong.status).toBe(400);
  expect(wrong.html).toContain('This is not the password of this registration.');
  const done = await sendForm(service, wrong, { typed: { password: goodPassword } });
  expect(titleOf(done)).toBe('Address confirmed');
  expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
});

test('a typed code can lead to the removal of the registration', async () => {
  const { email, shortCode } = await registered();
  const second = await type(email, shortCode);
  const cancelled = await sendForm(service, second, { typed: { decision: 'cancel' } });
  expect(titleOf(cancelled)).toBe('Registration removed');
  expect(await isRegistered(email)).toEqual([]);
});

test('a typed code confirms an account that an operator created without a password', async () => {
  const { email } = await pendingAccount(service);
  expect(titleOf(await type(email, shortCodeTo(email)))).toBe('Address confirmed');
  expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
});

test('the long code can be typed too, with its own address only', async () => {
  const { email, code } = await registered();
  const other = await type(newAddress(), code);
  expect([other.status, other.html.includes(wrongWords)]).toEqual([400, true]);
  expect((await type(email, code)).html).toContain('type="password"');
});

test.each([
  ['an unknown address', () => newAddress(), wrongCode],
  ['text that is no address', () => 'no address', wrongCode],
  ['an empty address', () => '', wrongCode],
  ['text that is no code', () => newAddress(), '"><script>'],
  ['an empty code', () => newAddress(), ''],
])(
  '%s gets the same form with the fault, and keeps the address',
  async (_name, makeEmail, code) => {
    const email = makeEmail();
    const page = await type(email, code);
    expect(page.status).toBe(400);
    expect(page.html).toContain(wrongWords);
    expect(page.html).toContain(`name="email" type="email" value="${email}"`);
    expect(page.html).not.toContain('<script');
  },
);

test('five wrong codes end the short code of the address, and the link stays valid', async () => {
  const { email, code, shortCode } = await registered();
  const wrong = await inTurn(5, () => type(email, wrongCode));
  expect(wrong.map(({ status }) => status)).toEqual(Array(5).fill(400));
  const dead = await type(email, shortCode);
  expect([dead.status, dead.html.includes(wrongWords)]).toEqual([400, true]);
  const link = await openPage(service, `/verify-email?code=${code}`);
  expect(link.html).toContain('type="password"');
  expect(await verify(service, code)).toMatchObject({ __typename: 'Acknowledgement' });
});

test('of 16 parallel wrong codes five count', async () => {
  const { email, shortCode } = await registered();
  await many(16, () => type(email, wrongCode));
  expect(await isRegistered(email)).toEqual([{ failures: 5 }]);
  expect((await type(email, shortCode)).status).toBe(400);
});

test('the page is the same for addresses with and without an open code', async () => {
  const { email } = await registered();
  const withoutAddress = async (address: string) =>
    (await type(address, wrongCode)).html.replace(address, '');
  expect(await withoutAddress(email)).toBe(await withoutAddress(newAddress()));
});

test.each(['/verify-email', '/auth/register/verify/'])(
  '%s with a short code fills in the form and counts no attempt',
  async (path) => {
    const { email, shortCode } = await registered();
    for (const code of [shortCode, wrongCode]) {
      const page = await openPage(service, `${path}?${new URLSearchParams({ code, email })}`);
      expect(page.status).toBe(200);
      expect(page.html).toContain(`value="${email}"`);
      expect(page.html).toContain(`value="${code}"`);
    }
    expect(await isRegistered(email)).toEqual([{ failures: 0 }]);
    const page = await openPage(service, `${path}?code=${shortCode}`);
    const second = await sendForm(service, page, { typed: { email, code: shortCode } });
    expect(second.html).toContain('type="password"');
  },
);

test('guesses on the page count in the rate limit of codes, and are logged as refusals', async () => {
  const strict = await startService({ environment: { RATE_LIMITS: 'code=3/600' } });
  await using _closing = strict;
  const page = await openPage(strict, '/verify-email');
  const guesses = await inTurn(4, () =>
    sendForm(strict, page, { typed: { email: newAddress(), code: wrongCode } }),
  );
  expect(guesses.map(({ status }) => status)).toEqual([400, 400, 400, 429]);
  const refusals = strict.logLines
    .map((line) => JSON.parse(line))
    .filter(({ event, code }) => event === 'verifyEmail' && code === 'INVALID_CODE');
  expect(refusals).toHaveLength(3);
});
