/** The pages to register, sign in, sign out and reset a password, in a browser without JavaScript. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linkIn, titleOf } from '../../support/page.ts';
import { newestLink } from '../../support/page-links.ts';
import { goodPassword, newAddress, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { createVisitor, type VisitedPage } from '../../support/visitor.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({
    environment: {
      APP_NAME: 'Acme',
      APP_URL: 'https://app.example.com/home',
      ALLOWED_RETURN_URLS: 'https://app.example.com,https://example.com/shop',
    },
  });
});
afterAll(() => service.close());

const paths = ['/sign-in', '/register', '/forgot-password', '/resend-verification', '/sign-out'];
const forms = paths.filter((path) => path !== '/sign-out');

const signedIn = async (returnTo = '') => {
  const { email } = await somebody(service);
  const visitor = createVisitor(service);
  const page = await visitor.open(`/sign-in${returnTo}`);
  const answer = await visitor.send(page, { email, password: goodPassword });
  return { email, visitor, answer };
};

const sessionsOf = (email: string) =>
  service.database.query<{ end_reason: string | null }>(
    `select s.end_reason from sessions s join users u on u.id = s.user_id
     where u.email = $1 order by s.created_at, s.id`,
    [email],
  );

const inputOf = ({ html }: VisitedPage, id: string) =>
  new RegExp(`<input id="${id}"[^>]*>`).exec(html)?.[0] ?? '';

test('a person registers with the typed code, signs in, signs out, and every page leads on', async () => {
  const visitor = createVisitor(service);
  const start = await visitor.open('/');
  expect(start.html).toContain('href="/register"');
  const email = newAddress();
  const sent = await visitor.send(await visitor.open('/register'), {
    firstName: 'Ada',
    lastName: '',
    email,
    password: goodPassword,
  });
  expect([sent.status, titleOf(sent)]).toEqual([200, 'Check your mail']);
  expect(sent.html).toContain(email);
  expect(sent.html).toContain('href="/sign-in"');
  const [mail] = await service.mail.waitFor(email);
  const code = /\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/.exec(mail?.text ?? '')?.[0] ?? 'none';
  const asked = await visitor.send(sent, { code }, { action: '/verify-email' });
  const verified = await visitor.send(asked, { password: goodPassword });
  expect([verified.status, verified.location]).toEqual([303, '/verify-email/done']);
  const done = await visitor.open('/verify-email/done');
  expect(titleOf(done)).toBe('Address confirmed');
  expect(done.html).toContain('class="button" href="/sign-in"');
  const typed = { email, password: goodPassword };
  const answer = await visitor.send(await visitor.open('/sign-in'), typed);
  expect([answer.status, answer.location]).toEqual([303, 'https://app.example.com/home']);
  for (const path of ['/register', '/sign-in']) {
    const page = await visitor.open(path);
    expect(titleOf(page)).toBe('You are signed in');
    expect(page.html).toContain(email);
  }
  const page = await visitor.open('/sign-in');
  expect(page.html).toContain('class="button" href="https://app.example.com/home"');
  const signedOut = await visitor.send(page);
  expect([signedOut.status, titleOf(signedOut)]).toEqual([200, 'You are signed out']);
  expect(signedOut.html).toContain('href="/sign-in"');
  expect(visitor.cookie).toBeUndefined();
});

test('a forgotten password is replaced, from the sign-in page to the sign-in page', async () => {
  const { email } = await somebody(service);
  const visitor = createVisitor(service);
  const failed = await visitor.send(await visitor.open('/sign-in'), {
    email,
    password: 'wrong one',
  });
  expect(failed.html).toContain('href="/forgot-password"');
  const sent = await visitor.send(await visitor.open('/forgot-password'), { email });
  expect(titleOf(sent)).toBe('Check your mail');
  const link = new URL(await newestLink(service, email, '/reset-password'));
  const form = await visitor.open(link.pathname + link.search);
  const password = 'a rather different password';
  const set = await visitor.send(form, { password, passwordConfirmation: password });
  expect([set.status, set.location]).toEqual([303, '/reset-password/done']);
  const done = await visitor.open('/reset-password/done');
  expect(done.html).toContain('href="/sign-in"');
  const answer = await visitor.send(await visitor.open('/sign-in'), { email, password });
  expect(answer.status).toBe(303);
});

describe('signing in', () => {
  test('keeps the session in the cookie and in no page', async () => {
    const { email, visitor, answer } = await signedIn();
    expect(answer.headers.get('set-cookie')).toMatch(
      /^__Host-gatehouse-session=[\w-]{48}; Path=\/; .*HttpOnly; Secure; SameSite=Lax$/,
    );
    expect((await visitor.open('/sign-in')).html).not.toContain(visitor.cookie);
    expect(await sessionsOf(email)).toEqual([expect.anything(), { end_reason: null }]);
  });

  test('shows the typed address again after a wrong password, and never the password', async () => {
    const { email } = await somebody(service);
    const visitor = createVisitor(service);
    const typed = { email, password: 'not <the> password' };
    const page = await visitor.send(await visitor.open('/sign-in'), typed);
    expect(page.status).toBe(400);
    expect(page.html).toContain('<title>Error: Sign in · Acme</title>');
    expect(page.html).toContain('Incorrect email or password');
    expect(inputOf(page, 'email')).toContain(`value="${email}"`);
    expect(inputOf(page, 'password')).toMatch(
      /aria-describedby="failure" aria-invalid="true" autofocus/,
    );
    expect(page.html).not.toContain('not &lt;the&gt; password');
    expect(page.html).not.toContain('not <the> password');
    expect(visitor.cookie).toBeUndefined();
    const unknown = { email: newAddress(), password: 'x' };
    const other = await visitor.send(await visitor.open('/sign-in'), unknown);
    expect(other.html.replaceAll(unknown.email, email)).toBe(page.html);
  });

  test('names each missing field', async () => {
    const visitor = createVisitor(service, { language: 'es' });
    const page = await visitor.send(await visitor.open('/sign-in'), { email: '', password: '' });
    expect(page.status).toBe(400);
    expect(page.html).toContain('<a href="#email">Escriba su dirección de correo.</a>');
    expect(page.html).toContain('<a href="#password">Escriba su contraseña.</a>');
    expect(inputOf(page, 'email')).toContain('autofocus');
  });

  test('replaces the session of the browser, so that no earlier one stays', async () => {
    const { email, visitor } = await signedIn();
    const first = visitor.cookie;
    const other = createVisitor(service);
    const form = await other.open('/sign-in');
    expect((await visitor.send(form, { email, password: goodPassword })).status).toBe(303);
    expect(visitor.cookie).not.toBe(first);
    expect(await sessionsOf(email)).toEqual([
      expect.anything(),
      { end_reason: 'logged-out' },
      { end_reason: null },
    ]);
  });

  test('too many attempts are a page with the time to wait and a link back', async () => {
    await using limited = await startService({
      environment: { RATE_LIMITS: 'account-network=2/600' },
    });
    const visitor = createVisitor(limited);
    const form = await visitor.open('/sign-in');
    const typed = { email: newAddress(), password: 'wrong password' };
    let page = form;
    for (let attempt = 0; attempt < 3; attempt += 1) page = await visitor.send(form, typed);
    expect(page.status).toBe(429);
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(500);
    expect(page.html).toMatch(/Try again in (9|10) minutes\./);
    expect(page.html).toContain('href="/sign-in"');
  });
});

describe('signing out', () => {
  test('asks first, ends the session, and removes the cookie', async () => {
    const { email, visitor } = await signedIn();
    const question = await visitor.open('/sign-out?return_to=https://example.com/shop/');
    expect(titleOf(question)).toBe('Sign out?');
    expect(await sessionsOf(email)).toEqual([expect.anything(), { end_reason: null }]);
    const answer = await visitor.send(question);
    expect([answer.status, answer.location]).toEqual([303, 'https://example.com/shop/']);
    expect(visitor.cookie).toBeUndefined();
    expect(await sessionsOf(email)).toEqual([expect.anything(), { end_reason: 'logged-out' }]);
    expect(titleOf(await visitor.open('/sign-out'))).toBe('You are signed out');
  });

  test.each(['A'.repeat(48), 'x', ''])(
    'a cookie %j without a session is removed',
    async (value) => {
      const { visitor } = await signedIn();
      const page = await visitor.open('/sign-out');
      visitor.cookie = value;
      const answer = await visitor.send(
        page,
        {},
        {
          headers: { cookie: `__Host-gatehouse-session=${value}` },
        },
      );
      expect(titleOf(answer)).toBe('You are signed out');
      expect(visitor.cookie || undefined).toBeUndefined();
    },
  );
});

describe('registering', () => {
  test('shows every fault at its field, in the language of the browser', async () => {
    const visitor = createVisitor(service, { language: 'es' });
    const typed = {
      firstName: ' ',
      lastName: 'http://x.example',
      email: 'nobody',
      password: 'corta',
    };
    const page = await visitor.send(await visitor.open('/register'), typed);
    expect(page.status).toBe(400);
    for (const [id, fault] of [
      ['firstName', 'Escriba su nombre.'],
      ['lastName', 'Escriba un nombre de como máximo 150 caracteres'],
      ['email', 'Escriba una dirección de correo como nombre@example.com.'],
      ['password', 'Use al menos 8 caracteres.'],
    ] as const) {
      expect(inputOf(page, id)).toMatch(new RegExp(`aria-describedby="[^"]*${id}-error"`));
      expect(inputOf(page, id)).toContain('aria-invalid="true"');
      expect(page.html).toContain(`<a href="#${id}">${fault}`);
    }
    expect(page.html.match(/ autofocus/g)).toHaveLength(1);
    expect(inputOf(page, 'firstName')).toContain('autofocus');
    expect(page.html).not.toContain('corta');
    expect(inputOf(page, 'email')).toContain('value="nobody"');
  });

  test('gives the same page for a free and a taken address', async () => {
    const { email: taken } = await somebody(service);
    const free = newAddress();
    const visitor = createVisitor(service);
    const form = await visitor.open('/register');
    const pages = [];
    for (const email of [free, taken]) {
      const typed = { firstName: 'Ada', lastName: 'L', email, password: goodPassword };
      pages.push((await visitor.send(form, typed)).html.replaceAll(email, 'ADDRESS'));
    }
    expect(pages[0]).toBe(pages[1]);
  });

  test('sends a new mail from the page that says to check the mail', async () => {
    const email = newAddress();
    const visitor = createVisitor(service);
    const typed = { firstName: 'Ada', lastName: 'L', email, password: goodPassword };
    const sent = await visitor.send(await visitor.open('/register'), typed);
    const [first] = await service.mail.waitFor(email);
    const again = await visitor.send(sent, {}, { action: '/resend-verification' });
    expect(titleOf(again)).toBe('Check your mail');
    const mails = await service.mail.waitFor(email, 2);
    expect(linkIn(mails[1], '/verify-email')).not.toBe(linkIn(first, '/verify-email'));
  });
});

test.each([
  ['/verify-email', '/resend-verification', 'Send a new mail'],
  ['/reset-password', '/forgot-password', 'Send a new link'],
])('a dead link of %s has a form that sends a new mail', async (path, action, button) => {
  const visitor = createVisitor(service);
  const secret = 'A'.repeat(22);
  const dead = await visitor.open(`${path}?code=${secret}&uid=AAAA&token=${secret}`);
  expect(dead.status).toBe(400);
  expect(dead.html).toContain(button);
  // Browsers send `Origin: null` with a form of a page without a referrer.
  expect(dead.headers.get('referrer-policy')).toBe('same-origin');
  const sent = await visitor.send(dead, { email: newAddress() }, { action });
  expect(titleOf(sent)).toBe('Check your mail');
});

describe('forms of other sites', () => {
  const foreign: readonly Record<string, string | undefined>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: undefined },
    { origin: 'http://auth.test.evil.example' },
    { origin: undefined, 'sec-fetch-site': 'cross-site' },
    { origin: undefined, 'sec-fetch-site': 'same-site' },
    { origin: undefined, 'sec-fetch-site': 'none' },
  ];

  test.each(foreign)('a form with %j signs nobody in', async (headers) => {
    const { email } = await somebody(service);
    const visitor = createVisitor(service);
    const form = await visitor.open('/sign-in');
    const page = await visitor.send(form, { email, password: goodPassword }, { headers });
    expect(page.status).toBe(403);
    expect(page.html).toContain('The form was not sent correctly.');
    expect(page.headers.get('set-cookie')).toBeNull();
    expect(await sessionsOf(email)).toHaveLength(1);
  });

  test.each(foreign)('a form with %j signs nobody out, and sends no mail', async (headers) => {
    const { email, visitor } = await signedIn();
    const page = await visitor.send(await visitor.open('/sign-out'), {}, { headers });
    expect(page.status).toBe(403);
    expect(await sessionsOf(email)).toEqual([expect.anything(), { end_reason: null }]);
    for (const path of ['/forgot-password', '/resend-verification', '/register']) {
      const refused = await visitor.send(await visitor.open(path), { email }, { headers });
      expect(refused.status).toBe(403);
    }
  });
});

describe('return_to', () => {
  const allowed = 'https://example.com/shop/cart?a=1&b=2#c';

  test('leads to an allowed address after signing in, through all links of the page', async () => {
    const { answer, visitor } = await signedIn(`?return_to=${encodeURIComponent(allowed)}`);
    expect([answer.status, answer.location]).toEqual([303, allowed]);
    const path = `/register?return_to=${encodeURIComponent(allowed)}`;
    expect((await visitor.open(path)).html).toContain(
      'class="button" href="https://example.com/shop/cart',
    );
    const page = await createVisitor(service).open(path);
    const link = `/sign-in?return_to=${encodeURIComponent(allowed)}`;
    expect(page.html).toContain(`href="${link}"`);
  });

  test.each([
    'https://evil.example/',
    '//evil',
    String.raw`/\evil`,
    'https:evil',
    'https://good@evil',
    'javascript:alert(1)',
    'https://app.example.com.evil/',
    'https://example.com/shopping',
    'https://example.com/shop/../admin',
    'https://app.example.com/\r\nSet-Cookie: a=b',
  ])('%j is named as not allowed and never followed', async (text) => {
    const query = `?return_to=${encodeURIComponent(text)}`;
    for (const path of paths) {
      const page = await createVisitor(service).open(path + query);
      expect([page.status, path]).toEqual([200, path]);
      expect(page.html).toContain('names an address that Acme does not return to');
      expect(page.html).not.toContain('name="return_to"');
      expect(page.html).not.toContain('return_to=');
    }
    const { email, visitor } = await signedIn();
    const typed = { email, password: goodPassword, return_to: text };
    const answer = await visitor.send(await createVisitor(service).open('/sign-in'), typed);
    expect([answer.status, answer.location]).toEqual([303, 'https://app.example.com/home']);
    const question = await visitor.open('/sign-out');
    const signedOut = await visitor.send(question, { return_to: text });
    expect([signedOut.status, signedOut.location]).toEqual([200, null]);
  });

  test('a repeated parameter is not allowed', async () => {
    const query = '?return_to=https://app.example.com/&return_to=https://evil.example/';
    const page = await createVisitor(service).open(`/sign-in${query}`);
    expect(page.html).toContain('names an address that Acme does not return to');
  });

  test('without an application, signing in leads to the start page', async () => {
    await using plain = await startService();
    const { email } = await somebody(plain);
    const visitor = createVisitor(plain);
    const typed = { email, password: goodPassword };
    const answer = await visitor.send(await visitor.open('/sign-in'), typed);
    expect([answer.status, answer.location]).toEqual([303, '/']);
    expect((await visitor.open('/')).html).toContain(email);
  });
});

describe('password managers', () => {
  test('find the fields of the forms', async () => {
    const visitor = createVisitor(service);
    const [signIn, register] = [await visitor.open('/sign-in'), await visitor.open('/register')];
    expect(inputOf(signIn, 'email')).toMatch(/type="email".*autocomplete="username"/);
    expect(inputOf(signIn, 'password')).toContain('autocomplete="current-password"');
    expect(inputOf(register, 'firstName')).toContain('autocomplete="given-name"');
    expect(inputOf(register, 'lastName')).toContain('autocomplete="family-name"');
    expect(inputOf(register, 'email')).toMatch(/type="email".*autocomplete="username"/);
    expect(inputOf(register, 'password')).toMatch(
      /autocomplete="new-password" passwordrules="minlength: 8; maxlength: 256;"/,
    );
    for (const { html } of [signIn, register]) expect(html).not.toContain(' maxlength=');
  });

  test.each(['GET', 'HEAD'])(
    '%s /.well-known/change-password leads to the form',
    async (method) => {
      const url = `${service.address}/.well-known/change-password`;
      const response = await fetch(url, { method, redirect: 'manual' });
      expect([response.status, response.headers.get('location')]).toEqual([
        302,
        '/forgot-password',
      ]);
    },
  );
});

test.each(forms)('%s has one heading, labels and nothing inline', async (path) => {
  for (const language of ['en', 'es']) {
    const page = await createVisitor(service, { language }).open(path);
    expect(page.status).toBe(200);
    expect(page.html).toContain(`<html lang="${language}">`);
    expect(page.html.split('<h1').length - 1).toBe(1);
    expect(page.html).not.toMatch(/<style|\bstyle=|\bon\w+=|javascript:/i);
    for (const [, id] of page.html.matchAll(/<input id="(\w+)"/g)) {
      expect(page.html).toContain(`<label for="${id}">`);
    }
    expect(Object.fromEntries(page.headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'same-origin',
      'x-frame-options': 'DENY',
    });
  }
});

test('only the forms that lead to the application name its origins', async () => {
  const visitor = createVisitor(service);
  const policyOf = async (path: string) =>
    /form-action [^;]*/.exec(
      (await visitor.open(path)).headers.get('content-security-policy') ?? '',
    )?.[0];
  const own = "form-action 'self'";
  expect(await policyOf('/sign-in')).toBe(`${own} https://app.example.com https://example.com`);
  expect(await policyOf('/register')).toBe(own);
  expect(await policyOf('/verify-email?code=x')).toBe(own);
});
