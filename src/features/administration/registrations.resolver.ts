/** The registrations that wait, and the decision on them, over GraphQL. */
import 'reflect-metadata'; // type-graphql asks for it when a decorator runs
import { Arg, Args, Ctx, Field, ID, Mutation, ObjectType, Query, Resolver } from 'type-graphql';
import type { Context } from '../../core/actor.ts';
import { AcknowledgementType, acknowledge, resultUnion } from '../answers.resolver.ts';
import { UserType } from '../users/users.resolver.ts';
import type { Connection } from './connection.ts';
import { connectionOf, PageArgs } from './connections.resolver.ts';
import type { Directory } from './directory.ts';
import type { RegistrationAdministration } from './registration-administration.ts';

@ObjectType('Registration')
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
const DeleteRegistrationResult = resultUnion('DeleteRegistrationResult', AcknowledgementType);

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
    @Ctx() context: Context,
  ): Promise<RegistrationType | null> {
    return this.#directory.registration(id, context);
  }

  @Query(() => ConnectionType)
  registrations(
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() context: Context,
  ): Promise<Connection<RegistrationType>> {
    return this.#directory.registrations(page, context);
  }

  @Mutation(() => ConfirmRegistrationResult)
  confirmRegistration(
    @Arg('id', () => ID) id: string,
    @Ctx() context: Context,
  ): Promise<typeof ConfirmRegistrationResult> {
    return this.#administration.confirmRegistration(id, context);
  }

  @Mutation(() => DeleteRegistrationResult)
  async deleteRegistration(
    @Arg('id', () => ID) id: string,
    @Ctx() context: Context,
  ): Promise<typeof DeleteRegistrationResult> {
    await this.#administration.deleteRegistration(id, context);
    return acknowledge('The registration is deleted.');
  }
}
