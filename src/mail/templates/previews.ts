/** Previews of all mails, with made-up data. Their codes are invalid. */
import type { SupportedLocale } from '../../i18n/locale.ts';
import type { Mail } from './layout.ts';
import type { MailName, TemplateData, WriteMail } from './templates.ts';

const person = { name: 'Ada Lovelace', email: 'ada@example.com' };
const code = 'MadeUpCodeForAPreview1';
const otherCode = 'MadeUpCodeForAPreview2';
const shortCode = 'MADE-VPC0';
const otherShortCode = 'MADE-VPC1';
const day = (day: number) => new Date(Date.UTC(2026, 0, day, 12));
const madeUpUid = 'TWFkZSB1cCBmb3IgYSBwcmV2aWV3';

function examplesFor(publicUrl: string): { readonly [Name in MailName]: TemplateData<Name> } {
  const link = { ...person, publicUrl, lifetimeSeconds: 3600 };
  const codeMail = { ...link, code, lifetimeSeconds: 86_400 };
  return {
    'verify-email': { ...codeMail, shortCode },
    'verify-registrations': {
      email: person.email,
      publicUrl,
      registrations: [
        { ...codeMail, shortCode, registeredAt: day(1), expiresAt: day(2) },
        {
          ...codeMail,
          name: 'Charles Babbage',
          code: otherCode,
          shortCode: otherShortCode,
          registeredAt: day(2),
          expiresAt: day(3),
        },
      ],
    },
    'already-registered': person,
    'account-closed': person,
    'reset-password': { ...link, uid: madeUpUid, token: code },
    invite: { ...link, uid: madeUpUid, token: code, lifetimeSeconds: 86_400 },
    'change-email': { ...codeMail, email: 'ada@new.example.com' },
    'email-change-requested': { ...codeMail, requestedEmail: 'ada@new.example.com' },
    'password-changed': person,
    'account-changed': { ...person, fields: ['firstName', 'username'] },
    'administrator-rights': person,
    'account-disabled': person,
    'refresh-token-reused': person,
    'account-erased': person,
    test: {},
  };
}

export const previewNames = Object.keys(examplesFor('')) as readonly MailName[]; // keys of a literal

export function isPreviewName(text: string): text is MailName {
  return previewNames.some((name) => name === text);
}

/** The mail `name` with made-up data. */
export function previewMail(
  name: MailName,
  {
    locale,
    publicUrl,
    writeMail,
  }: {
    readonly locale: SupportedLocale;
    readonly publicUrl: string;
    readonly writeMail: WriteMail;
  },
): Mail {
  return writeMail(name, { to: person.email, locale }, examplesFor(publicUrl)[name]);
}
