/** Managing users, groups and permissions over GraphQL. */
import 'reflect-metadata'; // type-graphql asks for it when a decorator runs
import { Arg, Ctx, Field, ID, InputType, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../../core/request-context.ts';
import { GroupType, PermissionType } from '../access/access.resolver.ts';
import { AcknowledgementType, acknowledge, resultUnion } from '../common-types.resolver.ts';
import { UserType } from '../users/users.resolver.ts';
import type { GroupAdministration } from './groups.ts';
import type { PermissionAdministration } from './permissions.ts';
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

@InputType('SetGroupMembershipInput')
class SetGroupMembershipInputType {
  @Field(() => ID)
  userId!: string;

  @Field(() => ID)
  groupId!: string;

  @Field(() => Date, { nullable: true })
  expiresAt?: Date | null;
}

@InputType('UpdateGroupInput')
class UpdateGroupInputType {
  @Field(() => String, { nullable: true })
  name?: string | null;

  @Field(() => String, { nullable: true })
  description?: string | null;

  @Field(() => [ID], { nullable: true })
  permissionIds?: string[] | null;
}

@InputType('CreateGroupInput')
class CreateGroupInputType {
  @Field(() => String)
  name!: string;

  @Field(() => String, { nullable: true })
  description?: string | null;

  @Field(() => [ID], { nullable: true })
  permissionIds?: string[] | null;
}

@InputType('UpdatePermissionInput')
class UpdatePermissionInputType {
  @Field(() => String, { nullable: true })
  codename?: string | null;

  @Field(() => String, { nullable: true })
  name?: string | null;
}

@InputType('CreatePermissionInput')
class CreatePermissionInputType {
  @Field(() => String)
  codename!: string;

  @Field(() => String)
  name!: string;
}

const CreateUserResult = resultUnion('CreateUserResult', UserType);
const UpdateUserResult = resultUnion('UpdateUserResult', UserType);
const SetGroupMembershipResult = resultUnion('SetGroupMembershipResult', UserType);
const DeactivateUserResult = resultUnion('DeactivateUserResult', AcknowledgementType);
const CreateGroupResult = resultUnion('CreateGroupResult', GroupType);
const UpdateGroupResult = resultUnion('UpdateGroupResult', GroupType);
const DeleteGroupResult = resultUnion('DeleteGroupResult', AcknowledgementType);
const CreatePermissionResult = resultUnion('CreatePermissionResult', PermissionType);
const UpdatePermissionResult = resultUnion('UpdatePermissionResult', PermissionType);
const DeletePermissionResult = resultUnion('DeletePermissionResult', AcknowledgementType);

@Resolver()
export class UserAdministrationResolver {
  readonly #users: UserAdministration;

  constructor(users: UserAdministration) {
    this.#users = users;
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
    return this.#users.setGroupMembership(input, context);
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
export class GroupAdministrationResolver {
  readonly #groups: GroupAdministration;

  constructor(groups: GroupAdministration) {
    this.#groups = groups;
  }

  @Mutation(() => CreateGroupResult)
  createGroup(
    @Arg('input', () => CreateGroupInputType) input: CreateGroupInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof CreateGroupResult> {
    return this.#groups.createGroup(input, context);
  }

  @Mutation(() => UpdateGroupResult)
  updateGroup(
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateGroupInputType) input: UpdateGroupInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof UpdateGroupResult> {
    return this.#groups.updateGroup(id, input, context);
  }

  @Mutation(() => DeleteGroupResult)
  async deleteGroup(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof DeleteGroupResult> {
    await this.#groups.deleteGroup(id, context);
    return acknowledge('The group is deleted.');
  }
}

@Resolver()
export class PermissionAdministrationResolver {
  readonly #permissions: PermissionAdministration;

  constructor(permissions: PermissionAdministration) {
    this.#permissions = permissions;
  }

  @Mutation(() => CreatePermissionResult)
  createPermission(
    @Arg('input', () => CreatePermissionInputType) input: CreatePermissionInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof CreatePermissionResult> {
    return this.#permissions.createPermission(input, context);
  }

  @Mutation(() => UpdatePermissionResult)
  updatePermission(
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdatePermissionInputType) input: UpdatePermissionInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof UpdatePermissionResult> {
    return this.#permissions.updatePermission(id, input, context);
  }

  @Mutation(() => DeletePermissionResult)
  async deletePermission(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof DeletePermissionResult> {
    await this.#permissions.deletePermission(id, context);
    return acknowledge('The permission is deleted.');
  }
}
