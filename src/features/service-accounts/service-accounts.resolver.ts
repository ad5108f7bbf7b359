/** Service accounts over GraphQL. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import {
  Arg,
  Args,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
} from 'type-graphql';
import type { RequestContext } from '../../core/request-context.ts';
import type { Connection } from '../../database/pagination/connection.ts';
import { GroupType, PermissionType } from '../access/access.resolver.ts';
import type { AccessLoadersOf } from '../access/access-loaders.ts';
import type { KeyLoadersOf } from '../api-keys/key-loaders.ts';
import { DeletionType, deletion, NodeType, resultUnion } from '../common-types.resolver.ts';
import { connectionOf, PageArgs } from '../connection-types.resolver.ts';
import { ApiKeyType } from './api-keys.resolver.ts';
import type { ServiceAccountAdministration, ServiceAccountDirectory } from './service-accounts.ts';

@ObjectType('ServiceAccount', { implements: NodeType })
export class ServiceAccountType {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  clientId!: string;

  @Field(() => String)
  name!: string;

  @Field(() => String)
  description!: string;

  /** Not a field: `isActive` is. */
  disabledAt!: Date | null;

  @Field(() => Date)
  createdAt!: Date;

  @Field(() => Date, { nullable: true })
  lastUsedAt!: Date | null;
}

@InputType('CreateServiceAccountInput')
class CreateServiceAccountInputType {
  @Field(() => String)
  name!: string;

  @Field(() => String, { nullable: true })
  description?: string | null;

  @Field(() => [ID], { nullable: true })
  groupIds?: string[] | null;

  @Field(() => [ID], { nullable: true })
  permissionIds?: string[] | null;
}

@InputType('UpdateServiceAccountInput')
class UpdateServiceAccountInputType {
  @Field(() => String, { nullable: true })
  name?: string | null;

  @Field(() => String, { nullable: true })
  description?: string | null;

  @Field(() => Boolean, { nullable: true })
  isActive?: boolean | null;

  @Field(() => [ID], { nullable: true })
  groupIds?: string[] | null;

  @Field(() => [ID], { nullable: true })
  permissionIds?: string[] | null;
}

const CreateServiceAccountResult = resultUnion('CreateServiceAccountResult', ServiceAccountType);
const UpdateServiceAccountResult = resultUnion('UpdateServiceAccountResult', ServiceAccountType);
const DeleteServiceAccountResult = resultUnion('DeleteServiceAccountResult', DeletionType);

const { ConnectionType, ConnectionResolver } = connectionOf('ServiceAccount', ServiceAccountType);
export const ServiceAccountConnectionResolver = ConnectionResolver;

@Resolver(() => ServiceAccountType)
export class ServiceAccountResolver {
  readonly #loadersOf: AccessLoadersOf;
  readonly #keyLoadersOf: KeyLoadersOf;

  constructor(loadersOf: AccessLoadersOf, keyLoadersOf: KeyLoadersOf) {
    this.#loadersOf = loadersOf;
    this.#keyLoadersOf = keyLoadersOf;
  }

  @FieldResolver(() => Boolean)
  isActive(@Root() account: ServiceAccountType): boolean {
    return account.disabledAt === null;
  }

  @FieldResolver(() => [GroupType])
  groups(
    @Root() account: ServiceAccountType,
    @Ctx() context: RequestContext,
  ): Promise<GroupType[]> {
    return this.#loadersOf(context).groupsOfServiceAccount.load(account.id);
  }

  @FieldResolver(() => [PermissionType])
  permissions(
    @Root() account: ServiceAccountType,
    @Ctx() context: RequestContext,
  ): Promise<PermissionType[]> {
    return this.#loadersOf(context).permissionsOfServiceAccount.load(account.id);
  }

  @FieldResolver(() => [String])
  effectivePermissions(
    @Root() account: ServiceAccountType,
    @Ctx() context: RequestContext,
  ): Promise<readonly string[]> {
    return this.#loadersOf(context).effectivePermissionsOfServiceAccount.load(account.id);
  }

  @FieldResolver(() => [ApiKeyType])
  apiKeys(
    @Root() account: ServiceAccountType,
    @Ctx() context: RequestContext,
  ): Promise<ApiKeyType[]> {
    return this.#keyLoadersOf(context).keysOfServiceAccount.load(account.id);
  }
}

@Resolver()
export class ServiceAccountsResolver {
  readonly #directory: ServiceAccountDirectory;
  readonly #administration: ServiceAccountAdministration;

  constructor(directory: ServiceAccountDirectory, administration: ServiceAccountAdministration) {
    this.#directory = directory;
    this.#administration = administration;
  }

  @Query(() => ServiceAccountType, { nullable: true })
  serviceAccount(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<ServiceAccountType | null> {
    return this.#directory.serviceAccount(id, context);
  }

  @Query(() => ConnectionType)
  serviceAccounts(
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() context: RequestContext,
  ): Promise<Connection<ServiceAccountType>> {
    return this.#directory.serviceAccounts(page, context);
  }

  @Mutation(() => CreateServiceAccountResult)
  createServiceAccount(
    @Arg('input', () => CreateServiceAccountInputType) input: CreateServiceAccountInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof CreateServiceAccountResult> {
    return this.#administration.createServiceAccount(input, context);
  }

  @Mutation(() => UpdateServiceAccountResult)
  updateServiceAccount(
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateServiceAccountInputType) input: UpdateServiceAccountInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof UpdateServiceAccountResult> {
    return this.#administration.updateServiceAccount(id, input, context);
  }

  @Mutation(() => DeleteServiceAccountResult)
  async deleteServiceAccount(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof DeleteServiceAccountResult> {
    await this.#administration.deleteServiceAccount(id, context);
    return deletion(id, 'The service account and its API keys are deleted.');
  }
}
