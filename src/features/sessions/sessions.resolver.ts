/** Sessions over GraphQL. */
import 'reflect-metadata'; // type-graphql asks for it when a decorator runs
import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { type Context, requireActor } from '../../core/actor.ts';
import { AcknowledgementType, acknowledge, resultUnion } from '../answers.resolver.ts';
import type { Sessions } from './sessions.ts';

const LogoutResult = resultUnion('LogoutResult', AcknowledgementType);

@Resolver()
export class SessionsResolver {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  @Mutation(() => LogoutResult)
  async logout(
    @Arg('refreshToken', () => String, { nullable: true }) refreshToken: string | null,
    @Ctx() context: Context,
  ): Promise<typeof LogoutResult> {
    await this.#sessions.end(requireActor(context), refreshToken);
    return acknowledge('Logged out.');
  }
}
