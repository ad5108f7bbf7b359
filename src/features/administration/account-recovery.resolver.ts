/** Helping with an account over GraphQL: a reset mail, an invitation, an end of all sessions. */
import 'reflect-metadata'; // type-graphql asks for it when a decorator runs
import { Arg, Ctx, ID, Mutation, Resolver } from 'type-graphql';
import type { Context } from '../../core/actor.ts';
import { AcknowledgementType, acknowledge, resultUnion } from '../answers.resolver.ts';
import type { AccountRecovery } from './account-recovery.ts';

const SendPasswordResetResult = resultUnion('SendPasswordResetResult', AcknowledgementType);
const ResendInvitationResult = resultUnion('ResendInvitationResult', AcknowledgementType);
const RevokeUserSessionsResult = resultUnion('RevokeUserSessionsResult', AcknowledgementType);

@Resolver()
export class AccountRecoveryResolver {
  readonly #recovery: AccountRecovery;

  constructor(recovery: AccountRecovery) {
    this.#recovery = recovery;
  }

  @Mutation(() => SendPasswordResetResult)
  async sendPasswordReset(
    @Arg('userId', () => ID) userId: string,
    @Ctx() context: Context,
  ): Promise<typeof SendPasswordResetResult> {
    await this.#recovery.sendPasswordReset(userId, context);
    return acknowledge('A link to choose a new password is on its way to the user.');
  }

  @Mutation(() => ResendInvitationResult)
  async resendInvitation(
    @Arg('userId', () => ID) userId: string,
    @Ctx() context: Context,
  ): Promise<typeof ResendInvitationResult> {
    await this.#recovery.resendInvitation(userId, context);
    return acknowledge('A new mail to confirm the account is on its way to the user.');
  }

  @Mutation(() => RevokeUserSessionsResult)
  async revokeUserSessions(
    @Arg('userId', () => ID) userId: string,
    @Ctx() context: Context,
  ): Promise<typeof RevokeUserSessionsResult> {
    await this.#recovery.revokeUserSessions(userId, context);
    return acknowledge('Every session of the user has ended.');
  }
}
