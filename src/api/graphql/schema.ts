/**
 * Creates the GraphQL schema from schema.graphql and the resolvers. The start fails when the resolver classes
 * differ from the file.
 */
import { addResolversToSchema } from '@graphql-tools/schema';
import {
  buildASTSchema,
  concatAST,
  GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  GraphQLScalarType,
  type GraphQLSchema,
  parse,
  responsePathAsArray,
} from 'graphql';
import { buildSchemaSync, createResolversMap } from 'type-graphql';
import { isTopLevel } from '../../core/errors.ts';
import { schemaText } from '../../core/package.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { DateTime } from '../../features/common-types.resolver.ts';
import { currentTracer, traced } from '../../observability/tracing.ts';
import { setErrorCode } from '../http/request-log.ts';
import { toProblem } from '../http/responses.ts';
import { federationDefinitions } from './federation-definitions.ts';
import { setPasswordFaults } from './password-faults.ts';
import { schemaDifferences } from './schema-differences.ts';

/** One instance of every resolver class. */
export type Resolvers = readonly object[];

/** @throws Error with every line that only the file or only the resolvers have */
export function createSchema(resolvers: Resolvers, text = schemaText()): GraphQLSchema {
  const instances = new Map<unknown, object>(resolvers.map((each) => [each.constructor, each]));
  const [first, ...others] = resolvers.map((each) => each.constructor);
  if (!first) throw new Error('no resolvers');
  const file = parse(text);
  const served = buildASTSchema(concatAST([file, federationDefinitions(file)]));
  const built = buildSchemaSync({
    resolvers: [first, ...others],
    container: { get: (resolverClass: unknown) => instances.get(resolverClass) },
    scalarsMap: [{ type: Date, scalar: DateTime }],
    emitSchemaFile: false,
    validate: false,
    skipCheck: true, // an introspection query; the comparison below finds more
  });
  assertNoDifferences(schemaDifferences(served, built));
  return addResolversToSchema({
    schema: served,
    resolvers: wrapResolvers(createResolversMap(built)),
    updateResolversInPlace: true,
  });
}

type Resolver = GraphQLFieldResolver<unknown, RequestContext>;
type ResolverMap = ReturnType<typeof createResolversMap>;

/** Wraps the resolver of every field. Scalars and type resolvers stay unchanged. */
function wrapResolvers(resolvers: ResolverMap): ResolverMap {
  return Object.fromEntries(
    Object.entries(resolvers).map(([type, members]) => {
      if (members instanceof GraphQLScalarType) return [type, members];
      const wrapped = Object.entries(members).map(([name, member]) =>
        typeof member === 'function' && !name.startsWith('__')
          ? [name, wrapResolver(member as Resolver)] // a function with the name of a field
          : [name, member],
      );
      return [type, Object.fromEntries(wrapped)];
    }),
  );
}

/**
 * Adds handling of problems and tracing. A middleware of type-graphql would create a chain of promises for
 * every field, and a response has hundreds of fields.
 */
function wrapResolver(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    const handleError = (error: unknown) => handleProblem(error, context, info);
    try {
      const result = currentTracer()
        ? traceRootField(resolve, [source, args, context, info])
        : resolve(source, args, context, info);
      return isPromise(result) ? result.then(undefined, handleError) : result;
    } catch (error) {
      return handleError(error);
    }
  };
}

/** The test of graphql-js. */
function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

/** Runs a root field in a span with the name of the schema, not that of the document. */
function traceRootField(resolve: Resolver, parameters: Parameters<Resolver>): unknown {
  const [, , , { path, operation, fieldName }] = parameters;
  if (path.prev !== undefined) return resolve(...parameters);
  return traced(`${operation.operation} ${fieldName}`, {}, async () => resolve(...parameters));
}

/** A Problem of a mutation becomes data, except for top-level codes. Other problems become errors. */
function handleProblem(error: unknown, context: RequestContext, info: GraphQLResolveInfo) {
  const problem = toProblem(error);
  if (!problem) throw error;
  const { code, message, fields, passwordFaults, retryAfterSeconds } = problem;
  setErrorCode(context, code);
  setPasswordFaults(context, passwordFaults);
  const isMutation = info.parentType === info.schema.getMutationType();
  if (isMutation && !isTopLevel(code)) return { code, message, fields };
  // With nodes and path, so that graphql-js does not wrap the error in another one.
  throw new GraphQLError(message, {
    nodes: info.fieldNodes,
    path: responsePathAsArray(info.path),
    extensions: {
      code,
      ...(fields.length > 0 ? { fields } : {}),
      ...(retryAfterSeconds === undefined ? {} : { retryAfter: retryAfterSeconds }),
    },
  });
}

function assertNoDifferences(faults: readonly string[]): void {
  if (faults.length === 0) return;
  throw new Error(`schema.graphql and the resolvers differ:\n  ${faults.join('\n  ')}`);
}
