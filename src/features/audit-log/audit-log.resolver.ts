/** The GraphQL query on the audit log. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import { Arg, Args, Ctx, Field, ID, InputType, ObjectType, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../core/request-context.ts';
import type { Connection } from '../../database/pagination/connection.ts';
import { Json } from '../common-types.resolver.ts';
import { connectionOf, PageArgs } from '../connection-types.resolver.ts';
import type { AuditEntries, AuditEntry } from './entries.ts';

@ObjectType('AuditEntry')
class AuditEntryType {
  @Field(() => ID)
  id!: string;

  @Field(() => Date)
  at!: Date;

  @Field(() => String)
  action!: string;

  @Field(() => String)
  outcome!: string;

  @Field(() => String, { nullable: true })
  code!: string | null;

  @Field(() => String)
  actorKind!: string;

  @Field(() => ID, { nullable: true })
  actorId!: string | null;

  @Field(() => String, { nullable: true })
  targetType!: string | null;

  @Field(() => ID, { nullable: true })
  targetId!: string | null;

  @Field(() => String, { nullable: true })
  requestId!: string | null;

  @Field(() => String, { nullable: true })
  ipAddress?: string;

  @Field(() => String, { nullable: true })
  userAgent?: string;

  @Field(() => ID, { nullable: true })
  apiKeyId?: string;

  @Field(() => Json, { nullable: true })
  before?: object;

  @Field(() => Json, { nullable: true })
  after?: object;
}

@InputType('AuditFilter')
class AuditFilterType {
  @Field(() => String, { nullable: true })
  action?: string | null;

  @Field(() => ID, { nullable: true })
  actorId?: string | null;

  @Field(() => ID, { nullable: true })
  targetId?: string | null;

  @Field(() => Boolean, { nullable: true })
  isRefused?: boolean | null;

  @Field(() => Date, { nullable: true })
  since?: Date | null;

  @Field(() => Date, { nullable: true })
  until?: Date | null;
}

const entries = connectionOf('AuditEntry', AuditEntryType);
const AuditEntryConnectionType = entries.ConnectionType;
export const AuditEntryConnectionResolver = entries.ConnectionResolver;

@Resolver()
export class AuditResolver {
  readonly #entries: AuditEntries;

  constructor(auditEntries: AuditEntries) {
    this.#entries = auditEntries;
  }

  @Query(() => AuditEntryConnectionType)
  auditEntries(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => AuditFilterType, { nullable: true }) filter: AuditFilterType | null,
    @Ctx() context: RequestContext,
  ): Promise<Connection<AuditEntry>> {
    return this.#entries.auditEntries({ page, filter: filter ?? {} }, context);
  }
}
