/** Texts and mails in every language. */
import { describe, expect, test } from 'vitest';
import type { Color } from '../../src/config/color.ts';
import { type SupportedLocale, supportedLocales } from '../../src/i18n/locale.ts';
import { createTexts, translations } from '../../src/i18n/translate.ts';
import type { Cause } from '../../src/mail/cause.ts';
import { previewMail, previewNames } from '../../src/mail/templates/previews.ts';
import { createMailWriter } from '../../src/mail/templates/templates.ts';

const textsIn = createTexts({ appName: 'Acme', appUrl: '', supportEmail: '' });
const brand = {
  appName: 'Acme',
  appUrl: undefined,
  supportEmail: undefined,
  colors: undefined,
  logo: undefined,
};
const writeMail = createMailWriter({ texts: textsIn, brand });
const [appUrl, supportEmail] = ['https://app.example.com', 'help@example.com'];
const writeBrandedMail = createMailWriter({
  texts: createTexts({ appName: 'Acme', appUrl, supportEmail }),
  brand: { ...brand, appUrl, supportEmail },
});

/** Each text by its dotted key. */
function leavesOf(tree: object, above = ''): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === 'string'
        ? [[above + key, value] as const]
        : [...leavesOf(value, `${above}${key}.`)],
    ),
  );
}

const placeholdersOf = (text = '') =>
  [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name).sort();

const english = leavesOf(translations.en);

describe.each(supportedLocales.filter((locale) => locale !== 'en'))('%s', (locale) => {
  const other = leavesOf(translations[locale]);

  test('has every key of the English texts and no other', () => {
    expect([...other.keys()].sort()).toEqual([...english.keys()].sort());
  });

  test('needs the same values for each text', () => {
    const needs = (texts: Map<string, string>) =>
      Object.fromEntries([...english.keys()].map((key) => [key, placeholdersOf(texts.get(key))]));
    expect(needs(other)).toEqual(needs(english));
  });

  test('is a translation: no sentence is left in English', () => {
    const same = [...english].filter(
      ([key, text]) => text.includes(' ') && other.get(key) === text,
    );
    expect(same.filter(([, text]) => !text.startsWith('Error: {{'))).toEqual([]);
  });
});

test('a value that looks like a placeholder or a key is inserted unchanged', () => {
  const name = '{{email}} $t(mails.footer) $&';
  expect(textsIn('en')('mails.greetingByName', { name })).toBe(`Hello ${name},`);
});

const text = (html: string) =>
  html
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** The visible text of the HTML part, line by line, for a mail program that is not Outlook. */
const seenIn = (html: string) =>
  text(
    html
      .replace(/<head>[\s\S]*<\/head>/, '')
      .replace(/<div style="display:none[\s\S]*?<\/div>/, '')
      .replace(/<!--\[if mso\]>[\s\S]*?<!\[endif\]-->/g, '')
      .replace(/<br>|<\/(p|h1|div|td)>/g, '\n')
      .replace(/<[^>]+>/g, ''),
  )
    .split('\n')
    .filter((line) => line.trim() !== '');

const programLine = /^(Code|Uid|Token): (\S+)$/;

/** The links of the HTML part in their order; a button has three: Outlook's, the usual one, and the address to copy. */
const linksIn = (html: string) => [...html.matchAll(/href="([^"]+)"/g)].map(([, link]) => link);

/** The parts of the text: for people, the footer, and the lines for programs. */
function partsOf(mail: string) {
  const [people = '', below = '', ...others] = mail.split('\n\n-- \n');
  expect(others).toEqual([]);
  const [footer = '', programs, ...rest] = below.trimEnd().split('\n\n');
  expect(rest).toEqual([]);
  return {
    people: people.split('\n'),
    footer: footer.split('\n'),
    programs: programs?.split('\n'),
  };
}

const publicUrl = 'https://auth.example.com';

describe.each(supportedLocales)('every mail in %s', (locale) => {
  const preview = (name: (typeof previewNames)[number], write = writeMail) =>
    previewMail(name, { locale, publicUrl, writeMail: write });

  test.each(previewNames)('%s says the same to people in text and HTML', (name) => {
    const mail = preview(name);
    expect(`${mail.subject}${mail.text}${mail.html}`).not.toMatch(
      /\{\{|\bmails\.|undefined|\[object/,
    );
    expect(mail.html).toContain(`<html lang="${locale}">`);
    const { people, footer } = partsOf(mail.text);
    const hint = textsIn(locale)('mails.linkHint');
    // The text part has the label of a button with a colon and then its address, and no heading.
    const said = [mail.subject, ...people, ...footer.slice(1)].filter((line) => line !== '');
    const seen = seenIn(mail.html).filter((line) => line !== hint);
    expect(seen).toEqual([
      'Acme',
      ...said.map((line, at) => (said[at + 1]?.startsWith('https:') ? line.slice(0, -1) : line)),
    ]);
    const links = people.filter((line) => line.startsWith('https:'));
    expect(linksIn(mail.html).map((link) => text(link ?? ''))).toEqual(
      links.flatMap((link) => [link, link, link]),
    );
  });

  test.each(previewNames)('%s has lines for programs at the end of the text only', (name) => {
    const { text: plain, html } = preview(name);
    const { people, footer, programs } = partsOf(plain);
    expect([...people, ...footer].filter((line) => programLine.test(line))).toEqual([]);
    expect(programs?.slice(1).every((line) => programLine.test(line)) ?? true).toBe(true);
    expect(seenIn(html).join('\n')).not.toMatch(/\b(Code|Uid|Token):/);
  });

  test.each(previewNames)('%s names the product and the reason, and has a preheader', (name) => {
    const mail = preview(name, writeBrandedMail);
    expect(mail.subject).toContain('Acme');
    const { footer } = partsOf(mail.text);
    expect(footer[0]).toBe(`Acme, ${appUrl}`);
    expect(footer[1]).toContain('Acme');
    if (name !== 'test') expect(footer[1]).toContain(mail.to);
    for (const part of [mail.text, seenIn(mail.html).join('\n')]) {
      expect(part.split(supportEmail)).toHaveLength(2); // once
    }
    expect(linksIn(mail.html)[0]).toBe(appUrl);
    const preheader = /<div style="display:none[^>]*>([^<&]+)&/.exec(mail.html)?.[1] ?? '';
    expect(preheader.length).toBeGreaterThan(10);
    expect(mail.text).not.toContain(preheader);
  });

  test.each(previewNames)('%s shows Outlook the button of the others', (name) => {
    const { html } = preview(name);
    const buttons = html.matchAll(
      /<!--\[if mso\]>\n<v:roundrect [^>]*href="([^"]+)"[^>]*fillcolor="(\S+)"><w:anchorlock\/><center [^>]*>([^<]+)<\/center><\/v:roundrect>\n<!\[endif\]-->\n<!--\[if !mso\]><!--><a href="([^"]+)" style="[^"]*background-color:([^;]+);[^"]*">([^<]+)<\/a><!--<!\[endif\]-->/g,
    );
    const found = [...buttons];
    expect(found).toHaveLength(html.match(/<!--\[if mso\]>/g)?.length ?? 0);
    for (const [, href, color, label, ...link] of found) expect(link).toEqual([href, color, label]);
  });

  test.each(previewNames)('%s has no table without role, and no image', (name) => {
    const { html } = preview(name);
    expect(html.match(/<table(?! role="presentation")/g)).toBeNull();
    expect(html).not.toMatch(/<img|<script|url\(|@import|@font-face/);
    expect(html).toContain('<meta name="color-scheme" content="light dark">');
    expect(html).toContain('<meta name="supported-color-schemes" content="light dark">');
  });

  test.each([
    ['verify-email', ['Code'], '/verify-email?code='],
    ['verify-registrations', ['Code', 'Code'], '/verify-email?code='],
    ['reset-password', ['Uid', 'Token'], '/reset-password?uid='],
    ['invite', ['Uid', 'Token'], '/reset-password?uid='],
    ['change-email', ['Code'], '/confirm-email-change?code='],
    ['email-change-requested', ['Code'], '/cancel-email-change?code='],
  ] as const)(
    '%s has the values of its links in lines with the same names in every language',
    (name, labels, path) => {
      const { text: plain } = preview(name);
      const { people, programs = [] } = partsOf(plain);
      const lines = programs.slice(1).map((line) => programLine.exec(line) ?? []);
      expect(lines.map(([, label]) => label)).toEqual(labels);
      const links = people.filter((line) => line.startsWith(publicUrl + path)).join('\n');
      for (const [, , value] of lines) expect(links).toContain(`=${value}`);
    },
  );
});

test('a button has the accent of the brand', () => {
  const green = '#0a7a4b' as Color;
  const color = { accent: green, hover: green };
  const write = createMailWriter({
    texts: textsIn,
    brand: { ...brand, colors: { light: color, dark: color } },
  });
  const { html } = previewMail('invite', { locale: 'en', publicUrl, writeMail: write });
  expect(html).toContain(`fillcolor="${green}"`);
  expect(html).toContain(`background-color:${green}`);
});

const noticeOf = (name: 'password-changed' | 'reset-password', cause: Cause | undefined) => {
  const data = { name: '', email: 'a@example.com', publicUrl, cause };
  const link = { uid: 'uid', token: 'token', lifetimeSeconds: 60 };
  return (locale: SupportedLocale) => {
    const mail = writeMail(name, { to: 'a@example.com', locale }, { ...data, ...link });
    return partsOf(mail.text).people.join('\n');
  };
};
const at = '2026-01-31T12:00:59.000Z';

test('a notice names time, address and device of its cause, in the language of the mail', () => {
  const device = { program: 'Firefox', system: 'Windows' };
  const written = noticeOf('password-changed', { at, by: 'client', ipAddress: '::1', device });
  expect(written('en')).toContain(
    'Time: 31 January 2026 at 12:00 UTC\nIP address: ::1\nDevice: Firefox on Windows\n',
  );
  expect(written('es')).toContain(
    'Hora: 31 de enero de 2026 a las 12:00 UTC\nDirección IP: ::1\nDispositivo: Firefox en Windows\n',
  );
  expect(written('en')).toContain(`Reset my password:\n${publicUrl}/forgot-password`);
});

test('a change by an administrator names the role only', () => {
  const written = noticeOf('password-changed', { at, by: 'administrator' })('en');
  expect(written).toContain('Time: 31 January 2026 at 12:00 UTC\nBy: an administrator\n\n');
  expect(written).not.toMatch(/IP address|Device|forgot-password/);
});

test.each(['password-changed', 'reset-password'] as const)(
  'a queued mail %s of an older release has no cause',
  (name) => {
    expect(noticeOf(name, undefined)('en')).not.toMatch(/Time:|IP address|Device|undefined/);
  },
);

test('a changed address gets no link to reset the password: the reset mail goes to the new one', () => {
  const data = { name: '', fields: ['email'], publicUrl, cause: { at, by: 'client' } as const };
  const { text: plain } = writeMail('account-changed', { to: 'a@example.com', locale: 'en' }, data);
  expect(plain).not.toContain('https:');
  expect(plain).toContain('contact the administrator of Acme');
});

test('every mail differs between the two languages', () => {
  for (const name of previewNames) {
    const [en, es] = supportedLocales.map((locale) =>
      previewMail(name, { locale, publicUrl: '', writeMail }),
    );
    expect(en?.subject).not.toBe(es?.subject);
  }
});

test('the changed fields are named in the language of the mail', () => {
  const fields = ['email', 'firstName', 'somethingNew'];
  const data = { name: '', fields, publicUrl: '', cause: undefined };
  const [en, es] = supportedLocales.map(
    (locale) => writeMail('account-changed', { to: 'a@example.com', locale }, data).text,
  );
  expect(en).toContain('Changed: email address, first name, somethingNew');
  expect(es).toContain('Modificado: dirección de correo, nombre, somethingNew');
});

test.each([
  'www．evil．com',
  'evil․com',
  'evil。com',
  'tel:+15550100',
  'a＠evil.com',
  '+1 555 0100',
])('the name %s is no link and no telephone number, and a long name is cut', (typed) => {
  const data = { name: typed + 'x'.repeat(100), email: '', publicUrl: '', cause: undefined };
  const { text, html } = writeMail('password-changed', { to: 'a@example.com', locale: 'en' }, data);
  expect(`${text}${html}`).not.toContain(typed);
  expect(text).toContain('x…');
});

test('a name appears neither as a link nor as HTML in a mail', () => {
  const data = {
    name: 'http://evil.example <b>Ada</b> & co',
    email: "o'neil@example.com",
    publicUrl: '',
    cause: undefined,
  };
  const mail = writeMail('password-changed', { to: 'a@example.com', locale: 'en' }, data);
  const { html } = mail;
  expect(`${mail.text}${html}`).not.toContain('evil.example');
  expect(html).not.toContain('<b>');
  expect(html).toContain('&lt;b&gt;Ada&lt;/b&gt; &amp; co');
  expect(html).toContain('o&#39;neil@example.com');
});

test.each([
  [60, 'one minute'],
  [1800, '30 minutes'],
  [3600, 'one hour'],
  [5400, '90 minutes'],
  [86_400, '24 hours'],
])('the mail of a code that is valid for %i seconds contains: %s', (lifetimeSeconds, words) => {
  const codes = { code: 'c', shortCode: '4F7K-2M9X' };
  const data = { name: '', email: 'a@example.com', ...codes, publicUrl: '', lifetimeSeconds };
  const mail = writeMail('verify-email', { to: 'a@example.com', locale: 'en' }, data);
  expect(mail.text).toContain(`for ${words} after`);
});
