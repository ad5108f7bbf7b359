/** The GraphQL mutations on groups and permissions. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import { Arg, Ctx, Field, ID, InputType, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../../core/request-context.ts';
import { GroupType, PermissionType } from '../access/access.resolver.ts';
import { DeletionType, deletion, resultUnion } from '../common-types.resolver.ts';
import type { GroupAdministration } from './groups.ts';
import type { PermissionAdministration } from './permissions.ts';

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

const CreateGroupResult = resultUnion('CreateGroupResult', GroupType);
const UpdateGroupResult = resultUnion('UpdateGroupResult', GroupType);
const DeleteGroupResult = resultUnion('DeleteGroupResult', DeletionType);
const CreatePermissionResult = resultUnion('CreatePermissionResult', PermissionType);
const UpdatePermissionResult = resultUnion('UpdatePermissionResult', PermissionType);
const DeletePermissionResult = resultUnion('DeletePermissionResult', DeletionType);

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
    return deletion(id, 'The group is deleted.');
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
    return deletion(id, 'The permission is deleted.');
  }
}
