/** The GraphQL queries on users, groups and permissions. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import {
  Arg,
  Args,
  Ctx,
  Field,
  ID,
  InputType,
  ObjectType,
  Query,
  Resolver,
  registerEnumType,
} from 'type-graphql';
import type { RequestContext } from '../../../core/request-context.ts';
import type { Connection } from '../../../database/pagination/connection.ts';
import { GroupType, PermissionType } from '../../access/access.resolver.ts';
import { connectionOf, PageArgs } from '../../connection-types.resolver.ts';
import type { UserStatus } from '../../users/user.entity.ts';
import { UserType, userStatuses } from '../../users/users.resolver.ts';
import type { Directory } from './directory.ts';
import type { Explain, Explanation, ObstacleKind, PathKind } from './explain.ts';

const users = connectionOf('User', UserType);
const groups = connectionOf('Group', GroupType);
const permissions = connectionOf('Permission', PermissionType);

const UserConnectionType = users.ConnectionType;
const GroupConnectionType = groups.ConnectionType;
const PermissionConnectionType = permissions.ConnectionType;

export const UserConnectionResolver = users.ConnectionResolver;
export const GroupConnectionResolver = groups.ConnectionResolver;
export const PermissionConnectionResolver = permissions.ConnectionResolver;

const orderFields = { CREATED_AT: 'CREATED_AT', UPDATED_AT: 'UPDATED_AT', EMAIL: 'EMAIL' } as const;
const directions = { ASC: 'ASC', DESC: 'DESC' } as const;
const pathKinds = {
  SUPERUSER: 'SUPERUSER',
  DIRECT: 'DIRECT',
  GROUP: 'GROUP',
} as const satisfies Record<PathKind, PathKind>;
registerEnumType(orderFields, { name: 'UserOrderField' });
registerEnumType(directions, { name: 'OrderDirection' });
registerEnumType(pathKinds, { name: 'PermissionPathKind' });

const obstacleKinds = {
  NOT_ACTIVE: 'NOT_ACTIVE',
  NOT_STAFF: 'NOT_STAFF',
  MEMBERSHIP_ENDED: 'MEMBERSHIP_ENDED',
  NO_GRANT: 'NO_GRANT',
  NO_SUCH_PERMISSION: 'NO_SUCH_PERMISSION',
} as const satisfies Record<ObstacleKind, ObstacleKind>;
registerEnumType(obstacleKinds, { name: 'PermissionObstacleKind' });

@InputType('UserFilter')
class UserFilterType {
  @Field(() => String, { nullable: true })
  search?: string | null;

  @Field(() => userStatuses, { nullable: true })
  status?: UserStatus | null;

  @Field(() => Boolean, { nullable: true })
  isStaff?: boolean | null;

  @Field(() => Boolean, { nullable: true })
  isSuperuser?: boolean | null;

  @Field(() => ID, { nullable: true })
  groupId?: string | null;

  @Field(() => String, { nullable: true })
  externalId?: string | null;
}

@InputType('UserOrder')
class UserOrderType {
  @Field(() => orderFields)
  field!: keyof typeof orderFields;

  @Field(() => directions)
  direction!: keyof typeof directions;
}

@ObjectType('PermissionPath')
class PermissionPathType {
  @Field(() => pathKinds)
  kind!: PathKind;

  @Field(() => String, { nullable: true })
  grant!: string | null;

  @Field(() => String, { nullable: true })
  group!: string | null;
}

@ObjectType('PermissionObstacle')
class PermissionObstacleType {
  @Field(() => obstacleKinds)
  kind!: ObstacleKind;

  @Field(() => String, { nullable: true })
  group!: string | null;

  @Field(() => String, { nullable: true })
  grant!: string | null;

  @Field(() => Date, { nullable: true })
  endedAt!: Date | null;
}

@ObjectType('PermissionExplanation')
class PermissionExplanationType {
  @Field(() => Boolean)
  isAllowed!: boolean;

  @Field(() => [PermissionPathType])
  paths!: readonly PermissionPathType[];

  @Field(() => [PermissionObstacleType])
  obstacles!: readonly PermissionObstacleType[];
}

@Resolver()
export class DirectoryResolver {
  readonly #directory: Directory;
  readonly #explain: Explain;

  constructor(directory: Directory, explain: Explain) {
    this.#directory = directory;
    this.#explain = explain;
  }

  @Query(() => UserType, { nullable: true })
  user(@Arg('id', () => ID) id: string, @Ctx() context: RequestContext): Promise<UserType | null> {
    return this.#directory.user(id, context);
  }

  @Query(() => UserConnectionType)
  users(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => UserFilterType, { nullable: true }) filter: UserFilterType | null,
    @Arg('orderBy', () => UserOrderType, { nullable: true }) orderBy: UserOrderType | null,
    @Ctx() context: RequestContext,
  ): Promise<Connection<UserType>> {
    return this.#directory.users({ page, filter: filter ?? {}, orderBy: orderBy ?? {} }, context);
  }

  @Query(() => UserConnectionType)
  usersWithPermission(
    @Arg('permission', () => String) permission: string,
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() context: RequestContext,
  ): Promise<Connection<UserType>> {
    return this.#directory.usersWithPermission(permission, page, context);
  }

  @Query(() => PermissionExplanationType)
  explainPermission(
    @Arg('userId', () => ID) userId: string,
    @Arg('permission', () => String) permission: string,
    @Ctx() context: RequestContext,
  ): Promise<Explanation> {
    return this.#explain.explainPermission(userId, permission, context);
  }

  @Query(() => GroupType, { nullable: true })
  group(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<GroupType | null> {
    return this.#directory.group(id, context);
  }

  @Query(() => GroupConnectionType)
  groups(
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() context: RequestContext,
  ): Promise<Connection<GroupType>> {
    return this.#directory.groups(page, context);
  }

  @Query(() => PermissionType, { nullable: true })
  permission(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<PermissionType | null> {
    return this.#directory.permission(id, context);
  }

  @Query(() => PermissionConnectionType)
  permissions(
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() context: RequestContext,
  ): Promise<Connection<PermissionType>> {
    return this.#directory.permissions(page, context);
  }
}
