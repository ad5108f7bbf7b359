/**
 * Checks one answer at a time for an account that is about to be made, as `Provisioning` checks the
 * whole: for a person who types the answers one after the other.
 */
import { Problem } from '../../core/errors.ts';
import { parseEmail, parseFields, parsePersonName, parseUsername } from '../../core/parse.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { usernameKeyOf } from '../users/users.ts';
import { type PasswordRules, parseNewPassword } from './new-password.ts';

/** Each answers why the text cannot be used, in a sentence; undefined when it can. Blank optional ones can. */
export interface ProvisioningChecks {
  email(raw: string): Promise<string | undefined>;
  username(raw: string): Promise<string | undefined>;
  personName(raw: string): string | undefined;
  /** @param about what else was answered, which must not be the password */
  password(raw: string, about: readonly string[]): string | undefined;
}

export function createProvisioningChecks(parts: {
  readonly unitOfWork: UnitOfWork;
  readonly passwordRules: PasswordRules;
}): ProvisioningChecks {
  const { query, inContext } = parts.unitOfWork;
  const isThere = async (condition: string, value: string) =>
    (await inContext(() => query(`select 1 from users where ${condition}`, [value]))).length > 0;

  return {
    async email(raw) {
      const fault = faultOf(() => parseEmail(raw));
      if (fault !== undefined) return fault;
      const isTaken = await isThere('email = ?', parseEmail(raw));
      return isTaken ? 'Is taken.' : undefined;
    },
    async username(raw) {
      if (raw === '') return undefined;
      const fault = faultOf(() => parseUsername(raw));
      if (fault !== undefined) return fault;
      const username = parseUsername(raw).toLowerCase();
      return (await isThere(`${usernameKeyOf('username')} = ?`, username))
        ? 'Is taken.'
        : undefined;
    },
    personName: (raw) => (raw === '' ? undefined : faultOf(() => parsePersonName(raw))),
    password: (raw, about) => faultOf(() => parseNewPassword(raw, parts.passwordRules, about)),
  };
}

function faultOf(parse: () => unknown): string | undefined {
  try {
    parseFields({ value: parse });
    return undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.fields[0]?.message ?? error.message;
  }
}
