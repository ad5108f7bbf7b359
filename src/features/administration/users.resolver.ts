/** The GraphQL mutations on users, their memberships and their access to the account. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import { Arg, Ctx, Field, ID, InputType, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../../core/request-context.ts';
import {
  AcknowledgementType,
  acknowledge,
  DeletionType,
  deletion,
  Json,
  resultUnion,
} from '../common-types.resolver.ts';
import { UserType } from '../users/users.resolver.ts';
import type { AccountRecovery } from './account-recovery.ts';
import type { UserGrants } from './grants/user-grants.ts';
import type { UserErasure } from './user-erasure.ts';
import type { UserAdministration } from './users.ts';

@InputType('UpdateUserInput')
class UpdateUserInputType {
  @Field(() => String, { nullable: true })
  email?: string | null;

  @Field(() => String, { nullable: true })
  username?: string | null;

  @Field(() => String, { nullable: true })
  firstName?: string | null;

  @Field(() => String, { nullable: true })
  lastName?: string | null;

  @Field(() => String, { nullable: true })
  externalId?: string | null;

  @Field(() => Json, { nullable: true })
  metadata?: unknown;

  @Field(() => String, { nullable: true })
  password?: string | null;

  @Field(() => Boolean, { nullable: true })
  isStaff?: boolean | null;

  @Field(() => Boolean, { nullable: true })
  isActive?: boolean | null;

  @Field(() => [ID], { nullable: true })
  groupIds?: string[] | null;

  @Field(() => [ID], { nullable: true })
  permissionIds?: string[] | null;
}

@InputType('CreateUserInput')
class CreateUserInputType {
  @Field(() => String)
  email!: string;

  @Field(() => String, { nullable: true })
  username?: string | null;

  @Field(() => String, { nullable: true })
  firstName?: string | null;

  @Field(() => String, { nullable: true })
  lastName?: string | null;

  @Field(() => String, { nullable: true })
  externalId?: string | null;

  @Field(() => Json, { nullable: true })
  metadata?: unknown;

  @Field(() => String, { nullable: true })
  password?: string | null;

  @Field(() => String, { nullable: true })
  passwordHash?: string | null;

  @Field(() => Boolean, { nullable: true })
  isStaff?: boolean | null;

  @Field(() => Boolean, { nullable: true })
  isActive?: boolean | null;

  @Field(() => [ID], { nullable: true })
  groupIds?: string[] | null;

  @Field(() => [ID], { nullable: true })
  permissionIds?: string[] | null;
}

@InputType('SetGroupMembershipInput')
class SetGroupMembershipInputType {
  @Field(() => ID)
  userId!: string;

  @Field(() => ID)
  groupId!: string;

  @Field(() => Date, { nullable: true })
  expiresAt?: Date | null;
}

const CreateUserResult = resultUnion('CreateUserResult', UserType);
const UpdateUserResult = resultUnion('UpdateUserResult', UserType);
const SetGroupMembershipResult = resultUnion('SetGroupMembershipResult', UserType);
const DeactivateUserResult = resultUnion('DeactivateUserResult', AcknowledgementType);
const EraseUserResult = resultUnion('EraseUserResult', DeletionType);
const SendPasswordResetResult = resultUnion('SendPasswordResetResult', AcknowledgementType);
const ResendInvitationResult = resultUnion('ResendInvitationResult', AcknowledgementType);
const RevokeUserSessionsResult = resultUnion('RevokeUserSessionsResult', AcknowledgementType);

@Resolver()
export class UserAdministrationResolver {
  readonly #users: UserAdministration;
  readonly #grants: Pick<UserGrants, 'setGroupMembership'>;

  constructor(users: UserAdministration, grants: Pick<UserGrants, 'setGroupMembership'>) {
    this.#users = users;
    this.#grants = grants;
  }

  @Mutation(() => CreateUserResult)
  createUser(
    @Arg('input', () => CreateUserInputType) input: CreateUserInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof CreateUserResult> {
    return this.#users.createUser(input, context);
  }

  @Mutation(() => UpdateUserResult)
  updateUser(
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateUserInputType) input: UpdateUserInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof UpdateUserResult> {
    return this.#users.updateUser(id, input, context);
  }

  @Mutation(() => SetGroupMembershipResult)
  setGroupMembership(
    @Arg('input', () => SetGroupMembershipInputType) input: SetGroupMembershipInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof SetGroupMembershipResult> {
    return this.#grants.setGroupMembership(input, context);
  }

  @Mutation(() => DeactivateUserResult)
  async deactivateUser(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof DeactivateUserResult> {
    await this.#users.deactivateUser(id, context);
    return acknowledge('The user is disabled.');
  }
}

@Resolver()
export class AccountRecoveryResolver {
  readonly #recovery: AccountRecovery;

  constructor(recovery: AccountRecovery) {
    this.#recovery = recovery;
  }

  @Mutation(() => SendPasswordResetResult)
  async sendPasswordReset(
    @Arg('userId', () => ID) userId: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof SendPasswordResetResult> {
    await this.#recovery.sendPasswordReset(userId, context);
    return acknowledge('A link to choose a new password is on its way to the user.');
  }

  @Mutation(() => ResendInvitationResult)
  async resendInvitation(
    @Arg('userId', () => ID) userId: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof ResendInvitationResult> {
    await this.#recovery.resendInvitation(userId, context);
    return acknowledge('A new mail to confirm the account is on its way to the user.');
  }

  @Mutation(() => RevokeUserSessionsResult)
  async revokeUserSessions(
    @Arg('userId', () => ID) userId: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof RevokeUserSessionsResult> {
    await this.#recovery.revokeUserSessions(userId, context);
    return acknowledge('Every session of the user has ended. API keys of the user stay valid.');
  }
}

@Resolver()
export class UserErasureResolver {
  readonly #erasure: UserErasure;

  constructor(erasure: UserErasure) {
    this.#erasure = erasure;
  }

  @Mutation(() => EraseUserResult)
  async eraseUser(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof EraseUserResult> {
    await this.#erasure.eraseUser(id, context);
    return deletion(id, 'The user is erased.');
  }
}
