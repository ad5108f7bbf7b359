/** Writes the verification mail of an address from its pending registrations. */
import type { Clock } from '../../core/time.ts';
import type { OneTimeSecrets } from '../../crypto/one-time-secret.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { supportedLocaleOf } from '../../i18n/locale.ts';
import type { Mail } from '../../mail/templates/layout.ts';
import type { WriteMail } from '../../mail/templates/templates.ts';
import { Registration } from './registration.entity.ts';

export interface RegistrationMailsDeps {
  readonly unitOfWork: Pick<UnitOfWork, 'em'>;
  readonly secrets: OneTimeSecrets;
  readonly clock: Clock;
  readonly publicUrl: string;
  readonly writeMail: WriteMail;
  readonly verifyCodeTtlSeconds: number;
}

/**
 * The mail with the codes derived from `codeIds`, without replaced, used and expired codes. Undefined when
 * no code is valid.
 */
export type WriteRegistrationMail = (codeIds: readonly string[]) => Promise<Mail | undefined>;

export function createRegistrationMails(deps: RegistrationMailsDeps): WriteRegistrationMail {
  const { unitOfWork, secrets, clock, publicUrl, writeMail } = deps;
  const lifetimeSeconds = deps.verifyCodeTtlSeconds;

  const toCode = (registration: Registration) => ({
    name: `${registration.firstName} ${registration.lastName}`.trim(),
    registeredAt: registration.createdAt,
    expiresAt: registration.expiresAt,
    code: secrets.derive(registration.codeId),
    shortCode: secrets.deriveShort(registration.codeId),
  });

  return async (codeIds) => {
    const pending = await unitOfWork.em.find(
      Registration,
      { codeId: [...codeIds], expiresAt: { $gt: clock() } },
      { orderBy: { createdAt: 'asc', id: 'asc' } },
    );
    const [first, ...others] = pending;
    if (!first) return undefined;
    const { email } = first;
    const recipient = { to: email, locale: supportedLocaleOf(first.locale) };
    if (others.length > 0) {
      return writeMail('verify-registrations', recipient, {
        email,
        publicUrl,
        registrations: pending.map(toCode),
      });
    }
    const { name, code, shortCode } = toCode(first);
    const data = { name, email, code, shortCode, publicUrl, lifetimeSeconds };
    return writeMail('verify-email', recipient, data);
  };
}
