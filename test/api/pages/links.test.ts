/** The pages for the links of mails: opening a page changes nothing, its button consumes the code once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import { superuser } from '../../support/administrators.ts';
import { linkIn, openPage, sendForm, titleOf } from '../../support/page.ts';
import {
  changeLinks,
  type MailedLink,
  resetLink,
  verificationLink,
} from '../../support/page-links.ts';
import { goodPassword, pendingAccount, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const newPassword = 'a rather different password';
const typed = { password: newPassword, passwordConfirmation: newPassword };

interface LinkedPage {
  readonly path: string;
  readonly title: string;
  readonly doneTitle: string;
  readonly spanishTitle: string;
  /** The values of its fields. */
  readonly typed: Readonly<Record<string, string>>;
  readonly buttons: number;
  link(): Promise<MailedLink>;
}

const pages: readonly LinkedPage[] = [
  {
    path: '/verify-email',
    title: 'Confirm your email address',
    doneTitle: 'Address confirmed',
    spanishTitle: 'Confirme su dirección de correo',
    typed: { password: goodPassword },
    buttons: 2,
    link: () => verificationLink(service),
  },
  {
    path: '/reset-password',
    title: 'Choose a new password',
    doneTitle: 'Password set',
    spanishTitle: 'Elija una contraseña nueva',
    typed,
    buttons: 1,
    link: () => resetLink(service),
  },
  {
    path: '/confirm-email-change',
    title: 'Confirm your new address',
    doneTitle: 'Address changed',
    spanishTitle: 'Confirme su nueva dirección',
    typed: {},
    buttons: 1,
    link: async () => (await changeLinks(service)).confirm,
  },
  {
    path: '/cancel-email-change',
    title: 'Cancel the address change',
    doneTitle: 'The change was cancelled',
    spanishTitle: 'Cancelar el cambio de dirección',
    typed: {},
    buttons: 1,
    link: async () => (await changeLinks(service)).cancel,
  },
];

/** The state that opening a page must not change. */
const stateOf = (email: string) =>
  service.database.query(
    `select * from (
       select o.id, u.status, u.email, u.pending_email, u.updated_at, o.kind, o.ended_at, o.digest
         from users u join one_time_passwords o on o.user_id = u.id
        where u.email = $1 or u.pending_email = $1
       union all
       select id, 'registered', email, null, mailed_at, null, expires_at, digest
         from registrations where email = $1
     ) rows order by id`,
    [email],
  );

describe.each(pages)('$path', ({ path, title, doneTitle, spanishTitle, link: ask, ...page }) => {
  const { typed, buttons } = page;

  test('names the account and changes nothing, however often it is opened', async () => {
    const { email, link } = await ask();
    const before = await stateOf(email);
    for (const method of ['GET', 'HEAD', 'GET'] as const) {
      const page = await openPage(service, link, { method });
      expect(page.status).toBe(200);
      if (method === 'GET') expect(page.html).toContain(email);
      else expect(page.html).toBe('');
    }
    expect(before.length).toBeGreaterThan(0);
    expect(await stateOf(email)).toEqual(before);
  });

  test('keeps its headers', async () => {
    const { headers } = await openPage(service, (await ask()).link);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-language': 'en',
      vary: expect.stringContaining('Accept-Language'),
      'x-frame-options': expect.any(String),
    });
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
  });

  test('has one heading, one form with its buttons, labels, and nothing inline', async () => {
    const { html } = await openPage(service, (await ask()).link);
    for (const tag of ['<h1', '<main', '<form']) {
      expect([tag, html.split(tag).length - 1]).toEqual([tag, 1]);
    }
    expect(html.split('<button').length - 1).toBe(buttons);
    expect(html).not.toMatch(
      /<script(?! src="\/assets\/[\w-]+\.js" defer)|<style|\bstyle=|\bon\w+=| maxlength=|javascript:/i,
    );
    const ids = [...html.matchAll(/<input id="(\w+)"/g)].map(([, id]) => id);
    expect(ids).toHaveLength(html.match(/<input (?![^>]*\bhidden\b)/g)?.length ?? 0);
    for (const id of ids) expect(html).toContain(`<label for="${id}">`);
  });

  test('has the language of the browser', async () => {
    const { link } = await ask();
    const spanish = await openPage(service, link, { language: 'fr;q=0.9, es-MX;q=0.8, en;q=0.1' });
    expect(titleOf(spanish)).toBe(spanishTitle);
    expect(spanish.html).toContain('<html lang="es">');
    expect(spanish.headers.get('content-language')).toBe('es');
    const other = await openPage(service, link, { language: 'ja' });
    expect(titleOf(other)).toBe(title);
    expect(other.html).toContain('<html lang="en">');
  });

  test('of 16 parallel submissions one succeeds, and the link is used up afterwards', async () => {
    const { email, link } = await ask();
    const page = await openPage(service, link);
    const responses = await Promise.all(
      Array.from({ length: 16 }, () => sendForm(service, page, { typed })),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([200, ...Array(15).fill(400)]);
    expect(responses.filter((response) => titleOf(response) === doneTitle)).toHaveLength(1);
    for (const again of [await openPage(service, link), await sendForm(service, page, { typed })]) {
      expect(again.status).toBe(400);
      expect(titleOf(again)).toBe('This link no longer works');
      expect(again.html).not.toContain(email);
      // A form may send a new link, but no form has the secret of the used one.
      expect(again.html).not.toContain('type="hidden"');
      expect(again.html).not.toContain(path === '/verify-email' ? 'name="code"' : 'name="token"');
    }
  });

  test.each([
    ['without its secret', '', 'The link is incomplete'],
    [
      'with an unknown secret',
      '?code=AAAAAAAAAAAAAAAAAAAAAA&uid=AAAA&token=AAAAAAAAAAAAAAAAAAAAAA',
      'This link no longer works',
    ],
    [
      'with something else',
      '?code=%22%3E%3Cscript%3E&uid=%00&token=%22%3E%3Cscript%3E',
      'This link no longer works',
    ],
    ['with its secret given twice', '?code=a&code=b&uid=a&uid=b&token=a', 'The link is incomplete'],
  ])('%s the page explains the next step', async (_, query, expected) => {
    const page = await openPage(service, path + query);
    // The page of a verification code has a form for a code that is typed.
    const hasForm = path === '/verify-email' && query === '';
    expect(page.status).toBe(hasForm ? 200 : 400);
    expect(titleOf(page)).toBe(hasForm ? title : expected);
    expect(page.html).not.toContain('<script');
  });

  test('a submission by a program without its fields is refused', async () => {
    const response = await fetch(service.address + path, {
      method: 'POST',
      body: new URLSearchParams(),
    });
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const json = await fetch(service.address + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{',
    });
    expect(json.status).toBe(400);
    expect(await json.text()).toContain('Something went wrong');
  });
});

describe('the page of a verification code', () => {
  test('asks for the password of the registration, and names faults in both languages', async () => {
    const { email, link } = await verificationLink(service);
    const page = await openPage(service, link);
    for (const [language, words] of [
      ['en', 'This is not the password of this registration.'],
      ['es', 'Esta no es la contraseña de este registro.'],
    ] as const) {
      const response = await sendForm(service, page, { typed: { password: 'not it' }, language });
      expect(response.status).toBe(400);
      expect(response.html).toContain(words);
      expect(response.html).toContain('aria-invalid="true"');
      expect(response.html).not.toContain('not it');
    }
    expect((await sendForm(service, page)).html).toContain('Enter a password.');
    const done = await sendForm(service, page, { typed: { password: goodPassword } });
    expect(titleOf(done)).toBe('Address confirmed');
    expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
  });

  test('removes an unwanted registration without its password', async () => {
    const { email, link } = await verificationLink(service);
    const page = await openPage(service, link);
    const cancelled = await sendForm(service, page, { typed: { decision: 'cancel' } });
    expect(titleOf(cancelled)).toBe('Registration removed');
    for (const again of [await openPage(service, link), await sendForm(service, page)]) {
      expect(again.status).toBe(400);
    }
    expect(await stateOf(email)).toEqual([]);
  });

  test('asks for the password also after an administrator confirmed a registration that the recipient did not make', async () => {
    const { email, link } = await verificationLink(service);
    const [row] = await service.database.query<{ id: string }>(
      'select id from registrations where email = $1',
      [email],
    );
    const administrator = await superuser(service);
    await administrationOf(() => service).confirmRegistration(administrator, row?.id ?? '');
    const isVerified = async () => {
      const [user] = await service.database.query<{ email_verified_at: Date | null }>(
        'select email_verified_at from users where email = $1',
        [email],
      );
      return user?.email_verified_at != null;
    };
    const page = await openPage(service, link);
    expect(page.html).toContain('type="password"');
    expect(page.html).not.toContain('value="cancel"');
    expect((await sendForm(service, page)).html).toContain('Enter a password.');
    const wrong = await sendForm(service, page, { typed: { password: 'not the one' } });
    expect(wrong.html).toContain('This is not the password of this account.');
    expect(await isVerified()).toBe(false);
    const done = await sendForm(service, page, { typed: { password: goodPassword } });
    expect(titleOf(done)).toBe('Address confirmed');
    expect(await isVerified()).toBe(true);
  });

  test('asks for no password for an account that an operator created', async () => {
    const { email, code } = await pendingAccount(service);
    const page = await openPage(service, `/verify-email?code=${code}`);
    expect(page.html).toContain(email);
    expect(page.html).not.toContain('type="password"');
    expect(titleOf(await sendForm(service, page))).toBe('Address confirmed');
    expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
  });
});

test('an expired link says so', async () => {
  await using late = await startService();
  const { link } = await verificationLink(late);
  const page = await openPage(late, link);
  late.advance(86_400 + 60);
  const responses = [
    await openPage(late, link, { language: 'es' }),
    await sendForm(late, page, { language: 'es' }),
  ];
  for (const response of responses) {
    expect(response.status).toBe(400);
    expect(titleOf(response)).toBe('Este enlace ya no sirve');
  }
});

test('the new address takes effect after its button was pressed', async () => {
  const { confirm, cancel } = await changeLinks(service);
  const pressed = await sendForm(service, await openPage(service, confirm.link));
  expect(pressed.status).toBe(200);
  expect(await tryLogin(service, confirm.email)).toMatchObject({ __typename: 'TokenPair' });
  expect(await tryLogin(service, cancel.email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
});

test('cancelling a change keeps the address, revokes all sessions and invalidates the other link', async () => {
  const { accessToken, confirm, cancel } = await changeLinks(service);
  const pressed = await sendForm(service, await openPage(service, cancel.link));
  expect(pressed.status).toBe(200);
  expect((await openPage(service, confirm.link)).status).toBe(400);
  expect((await service.graphql('{ me { id } }', {}, accessToken)).status).toBe(401);
  expect(await tryLogin(service, cancel.email)).toMatchObject({ __typename: 'TokenPair' });
});

test('the REST URL of a code shows the same page to a browser', async () => {
  const { email, link } = await verificationLink(service);
  const rest = await openPage(service, `/auth/register/verify${new URL(link).search}`, {
    language: 'es',
  });
  expect(titleOf(rest)).toBe('Confirme su dirección de correo');
  const sent = { typed: { password: goodPassword }, language: 'es' };
  expect(titleOf(await sendForm(service, rest, sent))).toBe('Dirección confirmada');
  expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
});

test('neither codes nor passwords of pages are logged', async () => {
  const { link } = await resetLink(service);
  await sendForm(service, await openPage(service, link), {
    typed: { password: 'short pw', passwordConfirmation: 'other pw' },
  });
  await sendForm(service, await openPage(service, link), { typed });
  const log = service.logLines.join('\n');
  expect(log).toContain('/reset-password');
  for (const secret of [
    new URL(link).searchParams.get('token') ?? '?',
    newPassword,
    goodPassword,
    'short pw',
  ]) {
    expect(log).not.toContain(secret);
  }
});

test('mails are written in the language of their account', async () => {
  const response = await fetch(`${service.address}/auth/register/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept-language': 'es-AR' },
    body: JSON.stringify({
      email: 'eva@example.com',
      first_name: 'Eva',
      last_name: 'P',
      password: goodPassword,
    }),
  });
  expect(response.status).toBe(201);
  const [mail] = await service.mail.waitFor('eva@example.com');
  expect(mail?.subject).toBe('Confirme su dirección de correo para Gatehouse');
  expect(mail?.html).toContain('<html lang="es">');
  expect(linkIn(mail, '/verify-email')).toContain('http://auth.test/');
});
