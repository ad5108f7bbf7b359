/** The results of the forms of mail links: pages that a browser can load again without another submission. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sessionCookieName } from '../../../src/api/http/session-cookie.ts';
import { openPage, sendForm, titleOf } from '../../support/page.ts';
import { changeLinks, resetLink, verificationLink } from '../../support/page-links.ts';
import { goodPassword } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

const returnTo = 'https://app.example.com/orders';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { ALLOWED_RETURN_URLS: 'https://app.example.com' } });
});
afterAll(() => service.close());

const newPassword = 'a rather different password';

const results = [
  {
    path: '/verify-email/done',
    title: 'Address confirmed',
    spanishTitle: 'Dirección confirmada',
    typed: { password: goodPassword },
    link: () => verificationLink(service),
  },
  {
    path: '/verify-email/cancelled',
    title: 'Registration removed',
    spanishTitle: 'Registro eliminado',
    typed: { decision: 'cancel' },
    link: () => verificationLink(service),
  },
  {
    path: '/reset-password/done',
    title: 'Password set',
    spanishTitle: 'Contraseña guardada',
    typed: { password: newPassword, passwordConfirmation: newPassword },
    link: () => resetLink(service),
  },
  {
    path: '/confirm-email-change/done',
    title: 'Address changed',
    spanishTitle: 'Dirección cambiada',
    typed: {},
    link: async () => (await changeLinks(service)).confirm,
  },
  {
    path: '/cancel-email-change/done',
    title: 'The change was cancelled',
    spanishTitle: 'El cambio se ha cancelado',
    typed: {},
    link: async () => (await changeLinks(service)).cancel,
  },
];

describe.each(results)('$path', ({ path, title, spanishTitle, typed, link: ask }) => {
  test('a submitted form leads to the result, whose address has no secret', async () => {
    const { link } = await ask();
    const submitted = await sendForm(service, await openPage(service, link), {
      typed,
      redirect: 'manual',
    });
    expect(submitted.status).toBe(303);
    expect(submitted.headers.get('location')).toBe(path);
    expect(submitted.headers.get('cache-control')).toBe('no-store');
    expect(submitted.html).toBe('');
    const refused = await sendForm(service, await formOf(link), { typed, redirect: 'manual' });
    expect([refused.status, titleOf(refused)]).toEqual([400, 'This link no longer works']);
  });

  test('the result opens again and again, with the headers of the other pages', async () => {
    const other = await openPage(service, '/verify-email');
    const varying = ['connection', 'content-length', 'date', 'keep-alive', 'x-request-id'];
    const stable = ({ headers }: { readonly headers: Headers }) =>
      [...headers].filter(([name]) => !varying.includes(name));
    for (const method of ['GET', 'GET', 'HEAD'] as const) {
      const page = await openPage(service, path, { method });
      expect(page.status).toBe(200);
      expect(stable(page)).toEqual(stable(other));
      expect(titleOf(page)).toBe(method === 'GET' ? title : undefined);
    }
    const spanish = await openPage(service, path, { language: 'es' });
    expect(titleOf(spanish)).toBe(spanishTitle);
    expect(spanish.headers.get('content-language')).toBe('es');
  });

  test('other methods are refused', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const { status, headers } = await fetch(service.address + path, { method });
      expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
    }
  });

  test('an allowed return_to leads on, and no other', async () => {
    const allowed = await openPage(
      service,
      `${path}?${new URLSearchParams({ return_to: returnTo })}`,
    );
    expect(allowed.html).toContain(`href="${returnTo}"`);
    const evil = await openPage(service, `${path}?return_to=https://evil.example`);
    expect([evil.status, evil.html.includes('evil')]).toEqual([200, false]);
  });
});

/** The form of a link that may be used already. */
async function formOf(link: string) {
  const { pathname, searchParams } = new URL(link);
  const fields = [...searchParams].map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
  );
  const html = `<form method="post" action="${pathname}">${fields.join('')}</form>`;
  return { status: 200, headers: new Headers(), html };
}

test('a verification keeps the return_to of its form', async () => {
  const page = await openPage(service, (await verificationLink(service)).link);
  const submitted = await sendForm(service, page, {
    typed: { password: goodPassword, return_to: returnTo },
    redirect: 'manual',
  });
  expect(submitted.headers.get('location')).toBe(
    `/verify-email/done?${new URLSearchParams({ return_to: returnTo })}`,
  );
});

test('the redirect removes the cookie of a session that the form ended', async () => {
  const { email, link } = await resetLink(service);
  const login = await fetch(`${service.address}/sign-in`, {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams({ email, password: goodPassword }),
    redirect: 'manual',
  });
  const [cookie = ''] = (login.headers.get('set-cookie') ?? '').split(';');
  expect(cookie).toContain(`${sessionCookieName}=`);
  const { searchParams } = new URL(link);
  const submitted = await fetch(`${service.address}/reset-password`, {
    method: 'POST',
    headers: { cookie, 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams([
      ...searchParams,
      ['password', newPassword],
      ['passwordConfirmation', newPassword],
    ]),
    redirect: 'manual',
  });
  expect(submitted.status).toBe(303);
  expect(submitted.headers.get('set-cookie')).toMatch(`${sessionCookieName}=; Path=/; Max-Age=0;`);
});
