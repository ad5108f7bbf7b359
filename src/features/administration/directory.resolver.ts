/** Finding users, groups and permissions over GraphQL. */
import {
  Arg,
  Args,
  ArgsType,
  Ctx,
  Field,
  FieldResolver,
  ID,
  InputType,
  Int,
  ObjectType,
  Query,
  Resolver,
  Root,
  registerEnumType,
} from 'type-graphql';
import type { RequestContext } from '../../core/request-context.ts';
import type { Connection } from '../../database/pagination/connection.ts';
import { GroupType, PermissionType } from '../access/access.resolver.ts';
import type { UserStatus } from '../users/user.entity.ts';
import { UserType, userStatuses } from '../users/users.resolver.ts';
import type { Directory } from './directory.ts';
import type { Explain, Explanation, ObstacleKind, PathKind } from './explain.ts';

import 'reflect-metadata'; // type-graphql asks for it when a decorator runs

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
  readonly #explanations: Explain;

  constructor(directory: Directory, explain: Explain) {
    this.#directory = directory;
    this.#explanations = explain;
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
    return this.#explanations.explainPermission(userId, permission, context);
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

import 'reflect-metadata'; // type-graphql asks for it when a decorator runs

@ArgsType()
export class PageArgs {
  @Field(() => Int, { nullable: true })
  first?: number | null;

  @Field(() => String, { nullable: true })
  after?: string | null;

  @Field(() => Int, { nullable: true })
  last?: number | null;

  @Field(() => String, { nullable: true })
  before?: string | null;
}

@ObjectType('PageInfo')
class PageInfoType {
  @Field(() => Boolean)
  hasNextPage!: boolean;

  @Field(() => Boolean)
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true })
  startCursor!: string | null;

  @Field(() => String, { nullable: true })
  endCursor!: string | null;
}

/** The types of a connection to `node`, called after `name`. */
export function connectionOf<Node extends object>(name: string, node: new () => Node) {
  @ObjectType(`${name}Edge`)
  class Edge {
    @Field(() => node)
    node!: Node;

    @Field(() => String)
    cursor!: string;
  }

  @ObjectType(`${name}Connection`)
  class ConnectionType {
    @Field(() => [node])
    nodes!: readonly Node[];

    @Field(() => [Edge])
    edges!: readonly Edge[];

    @Field(() => PageInfoType)
    pageInfo!: PageInfoType;
  }

  @Resolver(() => ConnectionType)
  class ConnectionResolver {
    /** Counted only when asked for. */
    @FieldResolver(() => Int)
    totalCount(@Root() connection: Connection<Node>): Promise<number> {
      return connection.count();
    }
  }

  return { ConnectionType, ConnectionResolver };
}

const users = connectionOf('User', UserType);
const groups = connectionOf('Group', GroupType);
const permissions = connectionOf('Permission', PermissionType);

const UserConnectionType = users.ConnectionType;
const GroupConnectionType = groups.ConnectionType;
const PermissionConnectionType = permissions.ConnectionType;

export const UserConnectionResolver = users.ConnectionResolver;
export const GroupConnectionResolver = groups.ConnectionResolver;
export const PermissionConnectionResolver = permissions.ConnectionResolver;
