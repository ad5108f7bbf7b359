/** Users over GraphQL. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import {
  Ctx,
  Field,
  FieldResolver,
  ID,
  ObjectType,
  Query,
  Resolver,
  Root,
  registerEnumType,
} from 'type-graphql';
import type { JsonObject } from '../../core/json.ts';
import { type RequestContext, requireUser, type UserView } from '../../core/request-context.ts';
import { GroupType, PermissionType } from '../access/access.resolver.ts';
import type { AccessLoadersOf } from '../access/access-loaders.ts';
import { Json, NodeType } from '../common-types.resolver.ts';
import type { MetadataLoaderOf } from './metadata-loader.ts';
import type { UserStatus } from './user.entity.ts';

export const userStatuses = {
  PENDING: 'PENDING',
  ACTIVE: 'ACTIVE',
  DISABLED: 'DISABLED',
} satisfies Record<UserStatus, UserStatus>;
registerEnumType(userStatuses, { name: 'UserStatus' });

@ObjectType('User', { implements: NodeType })
export class UserType {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  email!: string;

  @Field(() => String, { nullable: true })
  username!: string | null;

  @Field(() => String)
  firstName!: string;

  @Field(() => String)
  lastName!: string;

  @Field(() => userStatuses)
  status!: UserStatus;

  @Field(() => Boolean)
  isStaff!: boolean;

  @Field(() => Boolean)
  isSuperuser!: boolean;

  @Field(() => String, { nullable: true })
  pendingEmail!: string | null;

  /** Not a field: `isEmailVerified` is. */
  emailVerifiedAt!: Date | null;

  @Field(() => String, { nullable: true })
  locale!: string | null;

  @Field(() => String, { nullable: true })
  externalId!: string | null;

  /** Null for a principal, unless it is short. The field of the schema loads it. */
  metadata!: JsonObject | null;

  @Field(() => Date)
  createdAt!: Date;

  @Field(() => Date)
  updatedAt!: Date;

  @Field(() => Date, { nullable: true })
  lastLoginAt!: Date | null;
}

@Resolver(() => UserType)
export class UserResolver {
  readonly #loadersOf: AccessLoadersOf;
  readonly #metadataLoaderOf: MetadataLoaderOf;

  constructor(loadersOf: AccessLoadersOf, metadataLoaderOf: MetadataLoaderOf) {
    this.#loadersOf = loadersOf;
    this.#metadataLoaderOf = metadataLoaderOf;
  }

  @Query(() => UserType)
  me(@Ctx() context: RequestContext): UserView {
    return requireUser(context).user;
  }

  @FieldResolver(() => String)
  fullName(@Root() user: UserType): string {
    return `${user.firstName} ${user.lastName}`.trim();
  }

  @FieldResolver(() => Boolean)
  isActive(@Root() user: UserType): boolean {
    return user.status === 'ACTIVE';
  }

  @FieldResolver(() => Boolean)
  isEmailVerified(@Root() user: UserType): boolean {
    return user.emailVerifiedAt !== null;
  }

  @FieldResolver(() => Json)
  metadata(
    @Root() user: UserType,
    @Ctx() context: RequestContext,
  ): JsonObject | Promise<JsonObject> {
    return user.metadata ?? this.#metadataLoaderOf(context).load(user.id);
  }

  @FieldResolver(() => [GroupType])
  groups(@Root() user: UserType, @Ctx() context: RequestContext): Promise<GroupType[]> {
    return this.#loadersOf(context).groupsOfUser.load(user.id);
  }

  @FieldResolver(() => [PermissionType])
  permissions(@Root() user: UserType, @Ctx() context: RequestContext): Promise<PermissionType[]> {
    return this.#loadersOf(context).permissionsOfUser.load(user.id);
  }

  @FieldResolver(() => [String])
  async effectivePermissions(
    @Root() user: UserType,
    @Ctx() context: RequestContext,
  ): Promise<readonly string[]> {
    const { actor } = context;
    return actor?.kind === 'user' && actor.user.id === user.id
      ? [...actor.permissions]
      : this.#loadersOf(context).effectivePermissionsOfUser.load(user.id);
  }
}
