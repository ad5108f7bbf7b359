/** Texts and mails in every language. */
import { describe, expect, test } from 'vitest';
import { supportedLocales } from '../../src/i18n/locale.ts';
import { createTexts, translations } from '../../src/i18n/translate.ts';
import { previewMail, previewNames } from '../../src/mail/templates/previews.ts';
import { createMailWriter } from '../../src/mail/templates/templates.ts';

const textsIn = createTexts({ appName: 'Acme', appUrl: '', supportEmail: '' });
const writeMail = createMailWriter({
  texts: textsIn,
  brand: {
    appName: 'Acme',
    appUrl: undefined,
    supportEmail: undefined,
    colors: undefined,
    logo: undefined,
  },
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

const factsOf = (text: string) =>
  [...text.matchAll(/^([\p{L} ]+): (\S.*)$/gmu)].map(([line]) => line);
/** The visible text of the HTML part, line by line. */
const seenIn = (html: string) =>
  html
    .replace(/<head>[\s\S]*<\/head>/, '')
    .replace(/<br>|<\/p>/g, '\n')
    .replace(/<[^>]+>/g, '')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

describe.each(supportedLocales)('every mail in %s', (locale) => {
  const publicUrl = 'https://auth.example.com';

  test.each(previewNames)('%s says the same in text and HTML', (name) => {
    const { subject, text, html } = previewMail(name, { locale, publicUrl, writeMail });
    expect(subject).not.toBe('');
    expect(`${subject}${text}${html}`).not.toMatch(/\{\{|\bmails\.|undefined|\[object/);
    expect(html).toContain(`<html lang="${locale}">`);
    const seen = seenIn(html);
    for (const line of text.split('\n').filter((it) => !/^(https:|-- $|.*:$|$)/.test(it))) {
      expect(seen).toContain(line);
    }
    const links = (text.match(/^https:\S+$/gm) ?? []).map((link) => link.replaceAll('&', '&amp;'));
    expect([...html.matchAll(/href="([^"]+)"/g)].map(([, link]) => link)).toEqual(links);
  });

  test.each([
    ['verify-email', ['Code'], '/verify-email?code='],
    ['reset-password', ['Uid', 'Token'], '/reset-password?uid='],
    ['invite', ['Uid', 'Token'], '/reset-password?uid='],
    ['change-email', ['Code'], '/confirm-email-change?code='],
    ['email-change-requested', ['Code'], '/cancel-email-change?code='],
  ] as const)(
    '%s has its lines to copy, with the same names in every language',
    (name, labels, path) => {
      const { text } = previewMail(name, { locale, publicUrl, writeMail });
      for (const label of labels) {
        expect(factsOf(text)).toContainEqual(
          expect.stringMatching(new RegExp(`^${label}: [\\w-]+$`)),
        );
      }
      expect(text).toContain(publicUrl + path);
    },
  );
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
  const data = { name: '', fields: ['email', 'firstName', 'somethingNew'] };
  const [en, es] = supportedLocales.map(
    (locale) => writeMail('account-changed', { to: 'a@example.com', locale }, data).text,
  );
  expect(en).toContain('Changed: email address, first name, somethingNew');
  expect(es).toContain('Modificado: dirección de correo, nombre, somethingNew');
});

test('a name appears neither as a link nor as HTML in a mail', () => {
  const data = { name: 'http://evil.example <b>Ada</b> & co', email: "o'neil@example.com" };
  const { text, html } = writeMail('password-changed', { to: 'a@example.com', locale: 'en' }, data);
  expect(`${text}${html}`).not.toContain('evil.example');
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
  const { text } = writeMail('verify-email', { to: 'a@example.com', locale: 'en' }, data);
  expect(text).toContain(`for ${words} after`);
});
