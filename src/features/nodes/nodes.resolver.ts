/** The GraphQL query for any object by its id. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../core/request-context.ts';
import { NodeType, setTypeName } from '../common-types.resolver.ts';
import type { NodeLoaderOf } from './nodes.ts';

@Resolver()
export class NodeResolver {
  readonly #loaderOf: NodeLoaderOf;

  constructor(loaderOf: NodeLoaderOf) {
    this.#loaderOf = loaderOf;
  }

  @Query(() => NodeType, { nullable: true })
  async node(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<NodeType | null> {
    const found = await this.#loaderOf(context).load(id);
    if (!found) return null;
    setTypeName(found.node, found.type);
    return found.node;
  }
}
