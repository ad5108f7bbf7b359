/** The GraphQL types of Relay connections: arguments of a page, page info, edges and the connection. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import { ArgsType, Field, FieldResolver, Int, ObjectType, Resolver, Root } from 'type-graphql';
import type { Connection } from '../database/pagination/connection.ts';

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

/** The types of a connection to `node`: `<name>Edge` and `<name>Connection`. */
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
    /** Runs the count only if the query selects the field. */
    @FieldResolver(() => Int)
    totalCount(@Root() connection: Connection<Node>): Promise<number> {
      return connection.count();
    }
  }

  return { ConnectionType, ConnectionResolver };
}
