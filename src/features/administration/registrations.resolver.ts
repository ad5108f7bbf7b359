/** The GraphQL queries and mutations on registrations. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import { Arg, Args, Ctx, Field, ID, Mutation, ObjectType, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../core/request-context.ts';
import type { Connection } from '../../database/pagination/connection.ts';
import { DeletionType, deletion, NodeType, resultUnion } from '../common-types.resolver.ts';
import { connectionOf, PageArgs } from '../connection-types.resolver.ts';
import { UserType } from '../users/users.resolver.ts';
import type { Directory } from './directory/directory.ts';
import type { RegistrationAdministration } from './registrations.ts';

@ObjectType('Registration', { implements: NodeType })
class RegistrationType {
  @Field(() => ID)
  id!: string;

  @Field(() => String)
  email!: string;

  @Field(() => String)
  firstName!: string;

  @Field(() => String)
  lastName!: string;

  @Field(() => Date)
  createdAt!: Date;

  @Field(() => Date)
  expiresAt!: Date;
}

const { ConnectionType, ConnectionResolver } = connectionOf('Registration', RegistrationType);
export const RegistrationConnectionResolver = ConnectionResolver;

const ConfirmRegistrationResult = resultUnion('ConfirmRegistrationResult', UserType);
const DeleteRegistrationResult = resultUnion('DeleteRegistrationResult', DeletionType);

@Resolver()
export class RegistrationsResolver {
  readonly #directory: Directory;
  readonly #administration: RegistrationAdministration;

  constructor(directory: Directory, administration: RegistrationAdministration) {
    this.#directory = directory;
    this.#administration = administration;
  }

  @Query(() => RegistrationType, { nullable: true })
  registration(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<RegistrationType | null> {
    return this.#directory.registration(id, context);
  }

  @Query(() => ConnectionType)
  registrations(
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() context: RequestContext,
  ): Promise<Connection<RegistrationType>> {
    return this.#directory.registrations(page, context);
  }

  @Mutation(() => ConfirmRegistrationResult)
  confirmRegistration(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof ConfirmRegistrationResult> {
    return this.#administration.confirmRegistration(id, context);
  }

  @Mutation(() => DeleteRegistrationResult)
  async deleteRegistration(
    @Arg('id', () => ID) id: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof DeleteRegistrationResult> {
    await this.#administration.deleteRegistration(id, context);
    return deletion(id, 'The registration is deleted.');
  }
}
