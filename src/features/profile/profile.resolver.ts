/** The operations on the caller's own account over GraphQL. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import { Arg, Ctx, Field, InputType, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../core/request-context.ts';
import { AcknowledgementType, acknowledge, Json, resultUnion } from '../common-types.resolver.ts';
import { UserType } from '../users/users.resolver.ts';
import type { DataExport } from './data-export.ts';
import type { EmailChanges } from './email-change.ts';
import type { Erasure } from './erasure.ts';
import type { Profiles } from './profile.ts';

@InputType('UpdateProfileInput')
class UpdateProfileInputType {
  @Field(() => String, { nullable: true })
  firstName?: string | null;

  @Field(() => String, { nullable: true })
  lastName?: string | null;

  @Field(() => String, { nullable: true })
  username?: string | null;

  @Field(() => String, { nullable: true })
  locale?: string | null;

  @Field(() => String, { nullable: true })
  email?: string | null;

  @Field(() => String, { nullable: true })
  password?: string | null;
}

@InputType('ChangeEmailInput')
class ChangeEmailInputType {
  @Field(() => String)
  newEmail!: string;

  @Field(() => String)
  password!: string;
}

@InputType('DeactivateAccountInput')
class DeactivateAccountInputType {
  @Field(() => String)
  email!: string;

  @Field(() => String)
  password!: string;
}

const UpdateProfileResult = resultUnion('UpdateProfileResult', UserType);
const ChangeEmailResult = resultUnion('ChangeEmailResult', AcknowledgementType);
const ConfirmEmailChangeResult = resultUnion('ConfirmEmailChangeResult', AcknowledgementType);
const CancelEmailChangeResult = resultUnion('CancelEmailChangeResult', AcknowledgementType);
const DeactivateAccountResult = resultUnion('DeactivateAccountResult', AcknowledgementType);
const EraseAccountResult = resultUnion('EraseAccountResult', AcknowledgementType);

export interface ProfileResolverDeps {
  readonly profiles: Profiles;
  readonly emailChanges: EmailChanges;
  readonly dataExport: DataExport;
  readonly erasure: Erasure;
}

@Resolver()
export class ProfileResolver {
  readonly #profiles: Profiles;
  readonly #emailChanges: EmailChanges;
  readonly #dataExport: DataExport;
  readonly #erasure: Erasure;

  constructor(deps: ProfileResolverDeps) {
    this.#profiles = deps.profiles;
    this.#emailChanges = deps.emailChanges;
    this.#dataExport = deps.dataExport;
    this.#erasure = deps.erasure;
  }

  @Query(() => Json)
  exportMyData(@Ctx() context: RequestContext): Promise<object> {
    return this.#dataExport.exportMyData(context);
  }

  @Mutation(() => UpdateProfileResult)
  updateProfile(
    @Arg('input', () => UpdateProfileInputType) input: UpdateProfileInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof UpdateProfileResult> {
    return this.#profiles.updateProfile(input, context);
  }

  @Mutation(() => ChangeEmailResult)
  async changeEmail(
    @Arg('input', () => ChangeEmailInputType) input: ChangeEmailInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof ChangeEmailResult> {
    await this.#emailChanges.changeEmail(input, context);
    return acknowledge('Confirm the new address with the code in the mail.');
  }

  @Mutation(() => ConfirmEmailChangeResult)
  async confirmEmailChange(
    @Arg('code', () => String) code: string,
  ): Promise<typeof ConfirmEmailChangeResult> {
    await this.#emailChanges.confirmEmailChange(code);
    return acknowledge('The new address was confirmed. From now on, log in with it.');
  }

  @Mutation(() => CancelEmailChangeResult)
  async cancelEmailChange(
    @Arg('code', () => String) code: string,
  ): Promise<typeof CancelEmailChangeResult> {
    await this.#emailChanges.cancelEmailChange(code);
    return acknowledge(
      'The change was cancelled, and all sessions were ended. Change your password.',
    );
  }

  @Mutation(() => DeactivateAccountResult)
  async deactivateAccount(
    @Arg('input', () => DeactivateAccountInputType) input: DeactivateAccountInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof DeactivateAccountResult> {
    await this.#profiles.deactivateAccount(input, context);
    return acknowledge('The account was closed.');
  }

  @Mutation(() => EraseAccountResult)
  async eraseAccount(
    @Arg('password', () => String) password: string,
    @Ctx() context: RequestContext,
  ): Promise<typeof EraseAccountResult> {
    await this.#erasure.eraseAccount(password, context);
    return acknowledge('The account was erased.');
  }
}
