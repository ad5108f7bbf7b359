/** Relay's connections over GraphQL, for users, groups and permissions. */
import 'reflect-metadata'; // type-graphql asks for it when a decorator runs
import { ArgsType, Field, FieldResolver, Int, ObjectType, Resolver, Root } from 'type-graphql';
import { GroupType, PermissionType } from '../access/access.resolver.ts';
import { UserType } from '../users/users.resolver.ts';
import type { Connection } from './connection.ts';

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

export const UserConnectionType = users.ConnectionType;
export const GroupConnectionType = groups.ConnectionType;
export const PermissionConnectionType = permissions.ConnectionType;

export const UserConnectionResolver = users.ConnectionResolver;
export const GroupConnectionResolver = groups.ConnectionResolver;
export const PermissionConnectionResolver = permissions.ConnectionResolver;
