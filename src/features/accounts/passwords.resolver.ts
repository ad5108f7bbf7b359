/** Choosing a new password over GraphQL. */
import 'reflect-metadata'; // type-graphql asks for it when a decorator runs
import { Arg, Ctx, Field, InputType, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../../core/actor.ts';
import { AcknowledgementType, acknowledge, resultUnion } from '../answers.resolver.ts';
import type { Passwords } from './passwords.ts';

@InputType('ResetPasswordInput')
class ResetPasswordInputType {
  @Field(() => String)
  uid!: string;

  @Field(() => String)
  token!: string;

  @Field(() => String)
  password!: string;

  @Field(() => String, { nullable: true })
  passwordConfirmation?: string | null;
}

@InputType('ChangePasswordInput')
class ChangePasswordInputType {
  @Field(() => String)
  currentPassword!: string;

  @Field(() => String)
  newPassword!: string;
}

const RequestResult = resultUnion('RequestPasswordResetResult', AcknowledgementType);
const ResetPasswordResult = resultUnion('ResetPasswordResult', AcknowledgementType);
const ChangePasswordResult = resultUnion('ChangePasswordResult', AcknowledgementType);

@Resolver()
export class PasswordsResolver {
  readonly #passwords: Passwords;

  constructor(passwords: Passwords) {
    this.#passwords = passwords;
  }

  @Query(() => Boolean)
  isPasswordResetValid(
    @Arg('uid', () => String) uid: string,
    @Arg('token', () => String) token: string,
  ): Promise<boolean> {
    return this.#passwords.isPasswordResetValid(uid, token);
  }

  @Mutation(() => RequestResult)
  async requestPasswordReset(
    @Arg('email', () => String) email: string,
  ): Promise<typeof RequestResult> {
    await this.#passwords.requestPasswordReset(email);
    return acknowledge('If the address has an account, a link is on its way.');
  }

  @Mutation(() => ResetPasswordResult)
  async resetPassword(
    @Arg('input', () => ResetPasswordInputType) input: ResetPasswordInputType,
    @Ctx() context: Context,
  ): Promise<typeof ResetPasswordResult> {
    await this.#passwords.resetPassword(input, context);
    return acknowledge('The password is set. You can log in with it now.');
  }

  @Mutation(() => ChangePasswordResult)
  async changePassword(
    @Arg('input', () => ChangePasswordInputType) input: ChangePasswordInputType,
    @Ctx() context: Context,
  ): Promise<typeof ChangePasswordResult> {
    await this.#passwords.changePassword(input, context);
    return acknowledge('The password is changed, and your other sessions are ended.');
  }
}
