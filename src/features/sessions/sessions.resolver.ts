/** Sessions over GraphQL. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import {
  Arg,
  Ctx,
  Field,
  FieldResolver,
  ID,
  Int,
  Mutation,
  ObjectType,
  Resolver,
  Root,
} from 'type-graphql';
import { Problem } from '../../core/errors.ts';
import { type RequestContext, requireSession, requireUser } from '../../core/request-context.ts';
import {
  AcknowledgementType,
  acknowledge,
  NodeType,
  resultUnion,
} from '../common-types.resolver.ts';
import { UserType } from '../users/users.resolver.ts';
import type { Sessions } from './sessions.ts';
import type { TokenDelivery } from './token-delivery.ts';

@ObjectType('Session', { implements: NodeType })
class SessionType {
  @Field(() => ID)
  id!: string;

  @Field(() => Date)
  createdAt!: Date;

  @Field(() => Date)
  lastUsedAt!: Date;

  @Field(() => Date)
  expiresAt!: Date;

  @Field(() => String)
  ipAddress!: string;

  @Field(() => String)
  userAgent!: string;
}

@ObjectType('TokenPair')
export class TokenPairType {
  @Field(() => String)
  tokenType!: string;

  @Field(() => String)
  accessToken!: string;

  @Field(() => Date)
  accessTokenExpiresAt!: Date;

  @Field(() => Int)
  expiresIn!: number;

  @Field(() => String, { nullable: true })
  refreshToken!: string | null;

  @Field(() => Date)
  refreshTokenExpiresAt!: Date;

  @Field(() => UserType)
  user!: UserType;
}

const RefreshTokensResult = resultUnion('RefreshTokensResult', TokenPairType);
const LogoutResult = resultUnion('LogoutResult', AcknowledgementType);
const LogoutEverywhereResult = resultUnion('LogoutEverywhereResult', AcknowledgementType);
const RevokeSessionResult = resultUnion('RevokeSessionResult', AcknowledgementType);

@Resolver(() => SessionType)
export class SessionResolver {
  @FieldResolver(() => Boolean)
  current(@Root() session: SessionType, @Ctx() context: RequestContext): boolean {
    const credential = context.actor?.credential;
    return credential?.kind === 'session' && credential.id === session.id;
  }
}

@Resolver(() => UserType)
export class UserSessionsResolver {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  @FieldResolver(() => [SessionType])
  sessions(@Root() user: UserType, @Ctx() context: RequestContext): Promise<SessionType[]> {
    if (requireUser(context).user.id !== user.id) throw new Problem('FORBIDDEN');
    return this.#sessions.list(user.id);
  }
}

@Resolver()
export class SessionsResolver {
  readonly #sessions: Sessions;
  readonly #tokenDelivery: TokenDelivery;

  constructor(sessions: Sessions, tokenDelivery: TokenDelivery) {
    this.#sessions = sessions;
    this.#tokenDelivery = tokenDelivery;
  }

  @Mutation(() => RefreshTokensResult)
  refreshTokens(
    @Arg('refreshToken', () => String, { nullable: true }) refreshToken: string | null,
    @Ctx() context: RequestContext,
  ): Promise<typeof RefreshTokensResult> {
    return this.#tokenDelivery.refreshTokens(refreshToken, context);
  }

  @Mutation(() => LogoutResult)
  async logout(
    @Arg('refreshToken', () => String, { nullable: true }) refreshToken: string | null,
    @Ctx() context: RequestContext,
  ): Promise<typeof LogoutResult> {
    await this.#tokenDelivery.logout(refreshToken, context);
    return acknowledge('Logged out.');
  }

  @Mutation(() => LogoutEverywhereResult)
  async logoutEverywhere(@Ctx() context: RequestContext): Promise<typeof LogoutEverywhereResult> {
    await this.#sessions.revokeAll(requireSession(context).user.id, 'logged-out');
    return acknowledge('Logged out everywhere.');
  }

  @Mutation(() => RevokeSessionResult)
  async revokeSession(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof RevokeSessionResult> {
    await this.#sessions.revoke(requireSession(context), id);
    return acknowledge('The session was ended.');
  }
}
