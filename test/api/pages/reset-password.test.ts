/** The page for a new password: each fault has a message at its field, and the link stays valid. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { passwordFaultText } from '../../../src/api/pages/password-form.ts';
import type { PasswordFault } from '../../../src/core/password-fault.ts';
import { supportedLocales } from '../../../src/i18n/locale.ts';
import { createTexts } from '../../../src/i18n/translate.ts';
import { type OpenedPage, openPage, sendForm, titleOf } from '../../support/page.ts';
import { resetLink } from '../../support/page-links.ts';
import { goodPassword, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

/** The tag of a field, and the texts of its `aria-describedby`. */
function fieldOf({ html }: OpenedPage, id: string) {
  const tag = new RegExp(`<input id="${id}"[^>]*>`).exec(html)?.[0] ?? '';
  const ids = /aria-describedby="([^"]*)"/.exec(tag)?.[1]?.split(' ') ?? [];
  const notes = ids.map((it) => new RegExp(`<p id="${it}"[^>]*>([^<]*)</p>`).exec(html)?.[1]);
  return { tag, notes, isInvalid: tag.includes('aria-invalid="true"') };
}

test('the form follows the conventions of password managers', async () => {
  const { email, link } = await resetLink(service);
  const page = await openPage(service, link);
  expect(page.html).toContain(`name="username" value="${email}" autocomplete="username"`);
  for (const id of ['password', 'passwordConfirmation']) {
    const { tag, isInvalid } = fieldOf(page, id);
    expect(tag).toContain('type="password"');
    expect(tag).toContain('autocomplete="new-password"');
    expect(tag).toContain(' required');
    expect(isInvalid).toBe(false);
  }
  expect(fieldOf(page, 'password').notes).toEqual([
    expect.stringContaining('At least 8 characters'),
  ]);
});

test.each([
  ['too short', 'en', 'short', 'short', 'password', 'Use at least 8 characters.'],
  ['too short', 'es', 'corta', 'corta', 'password', 'Use al menos 8 caracteres.'],
  ['common', 'es', 'password123', 'password123', 'password', 'Elija otra contraseña: esta'],
  [
    'not the same',
    'en',
    'one fine password',
    'another one',
    'passwordConfirmation',
    'are different',
  ],
  ['empty', 'en', '', '', 'password', 'Enter a password.'],
] as const)(
  '%s, in %s: the message is at its field',
  async (_name, language, password, again, id, words) => {
    const { email, link } = await resetLink(service);
    const typed = { password, passwordConfirmation: again };
    const response = await sendForm(service, await openPage(service, link), { typed, language });
    expect(response.status).toBe(400);
    const field = fieldOf(response, id);
    expect(field.notes.join()).toContain(words);
    expect(field.isInvalid).toBe(true);
    expect(field.tag).toContain('autofocus');
    expect(response.html).toMatch(/<title>Error: /);
    if (password !== '') expect(response.html).not.toContain(`"${password}"`);
    const better = 'quite another password';
    const done = await sendForm(service, response, {
      typed: { password: better, passwordConfirmation: better },
    });
    expect(titleOf(done)).toBe('Password set');
    expect(await tryLogin(service, email, better)).toMatchObject({ __typename: 'TokenPair' });
    expect(await tryLogin(service, email, goodPassword)).toMatchObject({
      code: 'INVALID_CREDENTIALS',
    });
  },
);

test('a password is taken exactly as it was typed', async () => {
  const { email, link } = await resetLink(service);
  const password = '  ñandú + 100% & "más" = 🦙  ';
  const typed = { password, passwordConfirmation: password };
  expect((await sendForm(service, await openPage(service, link), { typed })).status).toBe(200);
  expect(await tryLogin(service, email, password)).toMatchObject({ __typename: 'TokenPair' });
});

describe('every fault of a password has a text of its own in every language', () => {
  const limited = ['PASSWORD_TOO_SHORT', 'PASSWORD_TOO_LONG'] as const;
  const others = [
    'PASSWORD_EMPTY',
    'PASSWORD_MALFORMED',
    'PASSWORD_COMMON',
    'PASSWORD_PERSONAL',
    'PASSWORD_MISMATCH',
  ] as const;
  const faults: readonly PasswordFault[] = [
    ...limited.map((code) => ({ code, limit: 8 })),
    ...others.map((code) => ({ code })),
  ];

  test.each(supportedLocales)('%s', (locale) => {
    const translate = createTexts({ appName: 'Gatehouse', appUrl: '', supportEmail: '' })(locale);
    const texts = [...faults, undefined].map((fault) => passwordFaultText(translate, fault));
    expect(new Set(texts).size).toBe(faults.length + 1);
    expect(texts.at(-1)).toBe(translate('pages.faults.other'));
  });
});
