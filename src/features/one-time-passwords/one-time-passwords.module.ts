/** Wires the codes and tokens that mails carry. */
import type { Clock } from '../../core/time.ts';
import { createOneTimeSecrets, type OneTimeSecrets } from '../../crypto/one-time-secret.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { createOneTimePasswords, type OneTimePasswords } from './one-time-passwords.ts';

export interface OneTimePasswordsModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly secretKey: string;
  readonly verifyCodeTtlSeconds: number;
  readonly resetTokenTtlSeconds: number;
}

export interface OneTimePasswordsModule {
  readonly oneTimePasswords: OneTimePasswords;
  /** Derives the secret of a row from its id. */
  readonly secrets: OneTimeSecrets;
}

export function createOneTimePasswordsModule(
  deps: OneTimePasswordsModuleDeps,
): OneTimePasswordsModule {
  const { unitOfWork, clock, verifyCodeTtlSeconds, resetTokenTtlSeconds } = deps;
  const secrets = createOneTimeSecrets(deps.secretKey);
  const oneTimePasswords = createOneTimePasswords({
    unitOfWork,
    secrets,
    clock,
    verifyCodeTtlSeconds,
    resetTokenTtlSeconds,
  });
  return { oneTimePasswords, secrets };
}
