/** Previews of all mails, with made-up data. Their codes are invalid. */
import type { SupportedLocale } from '../../i18n/locale.ts';
import type { Cause } from '../cause.ts';
import type { Mail } from './layout.ts';
import type { MailName, TemplateData, WriteMail } from './templates.ts';

const person = { name: 'Ada Lovelace', email: 'ada@example.com' };
const code = 'MadeUpCodeForAPreview1';
const otherCode = 'MadeUpCodeForAPreview2';
const shortCode = 'MADE-VPC0';
const otherShortCode = 'MADE-VPC1';
const day = (day: number) => new Date(Date.UTC(2026, 0, day, 12));
const madeUpUid = 'TWFkZSB1cCBmb3IgYSBwcmV2aWV3';

/** An address for documentation (RFC 5737). */
const cause: Cause = {
  at: day(1).toISOString(),
  by: 'client',
  ipAddress: '192.0.2.1',
  device: { program: 'Firefox', system: 'Windows' },
};
const byAdministrator: Cause = { at: cause.at, by: 'administrator' };

function examplesFor(publicUrl: string): { readonly [Name in MailName]: TemplateData<Name> } {
  const link = { ...person, publicUrl, lifetimeSeconds: 3600 };
  const notice = { ...person, publicUrl, cause };
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
    'already-registered': notice,
    'account-closed': notice,
    'reset-password': { ...link, uid: madeUpUid, token: code, cause },
    invite: { ...link, uid: madeUpUid, token: code, lifetimeSeconds: 86_400 },
    'change-email': { ...codeMail, email: 'ada@new.example.com' },
    'email-change-requested': { ...codeMail, requestedEmail: 'ada@new.example.com', cause },
    'password-changed': notice,
    'account-changed': { ...notice, fields: ['firstName', 'username'] },
    'administrator-rights': { ...notice, cause: byAdministrator },
    'account-disabled': { ...notice, cause: byAdministrator },
    'refresh-token-reused': notice,
    'account-erased': notice,
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
