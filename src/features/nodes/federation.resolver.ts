/** The GraphQL queries of a Federation 2 subgraph: its SDL, and the objects to which other subgraphs refer. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import { GraphQLError, GraphQLScalarType } from 'graphql';
import { Arg, Ctx, createUnionType, Field, ObjectType, Query, Resolver } from 'type-graphql';
import { Problem } from '../../core/errors.ts';
import { parseId } from '../../core/parse.ts';
import { type RequestContext, requireActor } from '../../core/request-context.ts';
import { GroupType, PermissionType } from '../access/access.resolver.ts';
import { setTypeName, typeNameOf } from '../common-types.resolver.ts';
import { ServiceAccountType } from '../service-accounts/service-accounts.resolver.ts';
import { UserType } from '../users/users.resolver.ts';
import type { Node, NodeLoaderOf } from './nodes.ts';

/** The types with a `@key`, by name. */
const entityTypes = {
  Group: GroupType,
  Permission: PermissionType,
  ServiceAccount: ServiceAccountType,
  User: UserType,
};

const Entity = createUnionType({
  name: '_Entity',
  types: () => Object.values(entityTypes),
  resolveType: typeNameOf,
});

/** Any JSON value, unchanged. */
const Any = new GraphQLScalarType({ name: '_Any' });

@ObjectType('_Service')
class ServiceType {
  @Field(() => String, { nullable: true })
  sdl!: string;
}

export interface Subgraph {
  readonly sdl: string;
  /** Whether everybody may read the SDL. Otherwise only service accounts may. */
  readonly isPublic: boolean;
}

@Resolver()
export class FederationResolver {
  readonly #loaderOf: NodeLoaderOf;
  readonly #subgraph: Subgraph;

  constructor(loaderOf: NodeLoaderOf, subgraph: Subgraph) {
    this.#loaderOf = loaderOf;
    this.#subgraph = subgraph;
  }

  @Query(() => ServiceType)
  _service(@Ctx() context: RequestContext): ServiceType {
    const { sdl, isPublic } = this.#subgraph;
    const isAllowed = isPublic || requireActor(context).kind === 'service-account';
    if (!isAllowed) throw new Problem('FORBIDDEN');
    return { sdl };
  }

  /** An invalid representation is an error of its own item. */
  @Query(() => [Entity], { nullable: 'items' })
  _entities(
    @Arg('representations', () => [Any]) representations: readonly unknown[],
    @Ctx() context: RequestContext,
  ): Promise<(Node | GraphQLError | null)[]> {
    const loader = this.#loaderOf(context);
    return Promise.all(
      representations.map(async (representation) => {
        const reference = parseReference(representation);
        if (reference instanceof GraphQLError) return reference;
        const found = await loader.load(reference.id);
        if (found?.type !== reference.type) return null;
        setTypeName(found.node, found.type);
        return found.node;
      }),
    );
  }
}

interface Reference {
  readonly type: string;
  readonly id: string;
}

function parseReference(representation: unknown): Reference | GraphQLError {
  const { __typename: type, id: rawId } = Object(representation);
  if (typeof type !== 'string' || !Object.hasOwn(entityTypes, type)) {
    return badReference(`__typename must be one of ${Object.keys(entityTypes).join(', ')}.`);
  }
  const id = parseId(rawId);
  return id === undefined ? badReference('id must be the id of an object.') : { type, id };
}

function badReference(fault: string): GraphQLError {
  return new GraphQLError(`representations: ${fault}`, {
    extensions: { code: 'BAD_USER_INPUT', fields: [{ path: 'representations', message: fault }] },
  });
}
