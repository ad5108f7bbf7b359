/**
 * Joins schema.graphql with the resolver classes. The file is what is served; a resolver class that
 * says anything else than the file, more or less, stops the start.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeExecutableSchema } from '@graphql-tools/schema';
import {
  buildSchema,
  type DocumentNode,
  GraphQLError,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  GraphQLScalarType,
  type GraphQLSchema,
  lexicographicSortSchema,
  parse,
  print,
  printSchema,
  visit,
} from 'graphql';
import { buildTypeDefsAndResolversSync } from 'type-graphql';
import { isTopLevel } from '../../core/errors.ts';
import { packageRoot } from '../../core/package.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { AccessResolver, GroupResolver } from '../../features/access/access.resolver.ts';
import {
  DirectoryResolver,
  GroupConnectionResolver,
  PermissionConnectionResolver,
  UserConnectionResolver,
} from '../../features/administration/directory/directory.resolver.ts';
import {
  GroupAdministrationResolver,
  PermissionAdministrationResolver,
} from '../../features/administration/groups.resolver.ts';
import {
  RegistrationConnectionResolver,
  RegistrationsResolver,
} from '../../features/administration/registrations.resolver.ts';
import {
  AccountRecoveryResolver,
  UserAdministrationResolver,
} from '../../features/administration/users.resolver.ts';
import {
  AuditEntryConnectionResolver,
  AuditResolver,
} from '../../features/audit-log/audit-log.resolver.ts';
import {
  AccountsResolver,
  PasswordsResolver,
} from '../../features/authentication/authentication.resolver.ts';
import { DateTime } from '../../features/common-types.resolver.ts';
import { ProfileResolver } from '../../features/profile/profile.resolver.ts';
import {
  SessionResolver,
  SessionsResolver,
  UserSessionsResolver,
} from '../../features/sessions/sessions.resolver.ts';
import { UserResolver } from '../../features/users/users.resolver.ts';
import { currentTracer, traced } from '../../observability/tracing.ts';
import { setErrorCode } from '../http/request-log.ts';
import { problemOf } from '../http/responses.ts';
import { setPasswordFaults } from './password-faults.ts';

/** The contract's text. */
const schemaFile = join(packageRoot, 'schema.graphql');

export const resolverClasses = [
  UserResolver,
  GroupResolver,
  AccessResolver,
  SessionResolver,
  UserSessionsResolver,
  SessionsResolver,
  AccountsResolver,
  PasswordsResolver,
  ProfileResolver,
  DirectoryResolver,
  AuditResolver,
  AuditEntryConnectionResolver,
  UserConnectionResolver,
  GroupConnectionResolver,
  PermissionConnectionResolver,
  UserAdministrationResolver,
  AccountRecoveryResolver,
  RegistrationsResolver,
  RegistrationConnectionResolver,
  GroupAdministrationResolver,
  PermissionAdministrationResolver,
] as const;

export type Resolvers = readonly InstanceType<(typeof resolverClasses)[number]>[];

/** @throws Error naming every line that only one side has */
export function createSchema(
  resolvers: Resolvers,
  text = readFileSync(schemaFile, 'utf8'),
): GraphQLSchema {
  for (const wanted of resolverClasses) resolverOf(resolvers, wanted);
  const built = buildTypeDefsAndResolversSync({
    resolvers: resolverClasses,
    container: { get: (wanted: unknown) => resolverOf(resolvers, wanted) },
    scalarsMap: [{ type: Date, scalar: DateTime }],
    emitSchemaFile: false,
    validate: false,
  });
  requireAgreement(text, built.typeDefs);
  return makeExecutableSchema({
    typeDefs: text,
    resolvers: guardedResolvers(built.resolvers),
    resolverValidationOptions: { requireResolversToMatchSchema: 'error' },
  });
}

function resolverOf(resolvers: Resolvers, wanted: unknown) {
  const found = resolvers.find((resolver) => resolver.constructor === wanted);
  if (!found) throw new Error(`no instance of the resolver ${String(wanted)}`);
  return found;
}

type Resolver = GraphQLFieldResolver<unknown, RequestContext>;
type ResolverMap = ReturnType<typeof buildTypeDefsAndResolversSync>['resolvers'];

/** Every field's resolver within `guarded`; what tells types apart is left as it is. */
function guardedResolvers(resolvers: ResolverMap): ResolverMap {
  return Object.fromEntries(
    Object.entries(resolvers).map(([type, members]) => {
      if (members instanceof GraphQLScalarType) return [type, members];
      const guardedMembers = Object.entries(members).map(([name, member]) =>
        typeof member === 'function' && !name.startsWith('__')
          ? [name, guarded(member as Resolver)] // of a field, by its name
          : [name, member],
      );
      return [type, Object.fromEntries(guardedMembers)];
    }),
  );
}

/**
 * A resolver whose problems are answered and whose operation is traced. Not a middleware of
 * type-graphql: those make a chain of promises of every field, of which an answer has hundreds.
 */
function guarded(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    const asRefusal = (error: unknown) => answerProblem(error, context, info);
    try {
      const result = currentTracer()
        ? tracedOperation(resolve, [source, args, context, info])
        : resolve(source, args, context, info);
      return isPromise(result) ? result.then(undefined, asRefusal) : result;
    } catch (error) {
      return asRefusal(error);
    }
  };
}

/** As graphql-js tells them. */
function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

/** In a span for each operation asked for, named by the schema and not by the caller. */
function tracedOperation(resolve: Resolver, parameters: Parameters<Resolver>): unknown {
  const [, , , { path, operation, fieldName }] = parameters;
  if (path.prev !== undefined) return resolve(...parameters);
  return traced(`${operation.operation} ${fieldName}`, {}, async () => resolve(...parameters));
}

/** A Problem becomes data where the contract has it as data, and an error with its code elsewhere. */
function answerProblem(error: unknown, context: RequestContext, info: GraphQLResolveInfo) {
  const problem = problemOf(error);
  if (!problem) throw error;
  const { code, message, fields, passwordFaults, retryAfterSeconds } = problem;
  setErrorCode(context, code);
  setPasswordFaults(context, passwordFaults);
  const isMutation = info.parentType === info.schema.getMutationType();
  if (isMutation && !isTopLevel(code)) return { code, message, fields };
  throw new GraphQLError(message, {
    extensions: {
      code,
      ...(fields.length > 0 ? { fields } : {}),
      ...(retryAfterSeconds === undefined ? {} : { retryAfter: retryAfterSeconds }),
    },
  });
}

/** Compared once in a process, as the classes do not change. */
let agreed: { readonly text: string; readonly typeDefs: string } | undefined;

function requireAgreement(text: string, typeDefs: string): void {
  if (text === agreed?.text && typeDefs === agreed.typeDefs) return;
  const ofFile = canonicalLines(parse(text));
  const ofClasses = canonicalLines(parse(typeDefs));
  const faults = [
    ...[...ofFile].filter((line) => !ofClasses.has(line)).map((line) => `no resolver has: ${line}`),
    ...[...ofClasses].filter((line) => !ofFile.has(line)).map((line) => `no schema has: ${line}`),
  ];
  if (faults.length > 0) {
    throw new Error(`schema.graphql and the resolvers differ:\n  ${faults.join('\n  ')}`);
  }
  agreed = { text, typeDefs };
}

/** Each member with the type it belongs to, in an order and form that do not depend on the source. */
function canonicalLines(document: DocumentNode): ReadonlySet<string> {
  const bare = visit(document, { enter: (node) => ({ ...node, description: undefined }) });
  const text = printSchema(lexicographicSortSchema(buildSchema(print(bare))));
  let owner = '';
  const lines = text.split('\n').map((line) => {
    if (!line.startsWith(' ')) owner = line;
    return line.startsWith(' ') ? `${owner} ${line.trim()}` : line;
  });
  return new Set(lines.filter((line) => !['', '}', 'schema {'].includes(line)));
}
