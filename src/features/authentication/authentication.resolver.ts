/** Registration, email verification, login and passwords over GraphQL. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import { Arg, Ctx, Field, InputType, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../core/request-context.ts';
import { AcknowledgementType, acknowledge, resultUnion } from '../common-types.resolver.ts';
import { TokenPairType } from '../sessions/sessions.resolver.ts';
import type { TokenDelivery } from '../sessions/token-delivery.ts';
import type { EmailVerification } from './email-verification.ts';
import type { Login } from './login.ts';
import type { PasswordChange } from './password-change.ts';
import type { PasswordReset } from './password-reset.ts';
import type { Registrations } from './registration.ts';

@InputType('RegisterInput')
class RegisterInputType {
  @Field(() => String)
  email!: string;

  @Field(() => String)
  password!: string;

  @Field(() => String, { nullable: true })
  passwordConfirmation?: string | null;

  @Field(() => String)
  firstName!: string;

  @Field(() => String)
  lastName!: string;

  @Field(() => String, { nullable: true })
  username?: string | null;
}

@InputType('LoginInput')
class LoginInputType {
  @Field(() => String)
  email!: string;

  @Field(() => String)
  password!: string;
}

const RegisterResult = resultUnion('RegisterResult', AcknowledgementType);
const ResendResult = resultUnion('ResendVerificationEmailResult', AcknowledgementType);
const VerifyEmailResult = resultUnion('VerifyEmailResult', AcknowledgementType);
const CancelRegistrationResult = resultUnion('CancelRegistrationResult', AcknowledgementType);
const LoginResult = resultUnion('LoginResult', TokenPairType);

export interface AccountsResolverDeps {
  readonly registrations: Registrations;
  readonly emailVerification: EmailVerification;
  readonly login: Login;
  readonly tokenDelivery: TokenDelivery;
}

@Resolver()
export class AccountsResolver {
  readonly #registrations: Registrations;
  readonly #emailVerification: EmailVerification;
  readonly #login: Login;
  readonly #tokenDelivery: TokenDelivery;

  constructor(deps: AccountsResolverDeps) {
    this.#registrations = deps.registrations;
    this.#emailVerification = deps.emailVerification;
    this.#login = deps.login;
    this.#tokenDelivery = deps.tokenDelivery;
  }

  @Mutation(() => RegisterResult)
  async register(
    @Arg('input', () => RegisterInputType) input: RegisterInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof RegisterResult> {
    await this.#registrations.register(input, context);
    return acknowledge('Registration successful. Confirm the address with the code in the mail.');
  }

  @Mutation(() => ResendResult)
  async resendVerificationEmail(
    @Arg('email', () => String) email: string,
  ): Promise<typeof ResendResult> {
    await this.#registrations.resendVerificationEmail(email);
    return acknowledge('If the address is not confirmed yet, a new code will be sent.');
  }

  @Mutation(() => VerifyEmailResult)
  async verifyEmail(
    @Arg('code', () => String) code: string,
    @Arg('password', () => String, { nullable: true }) password: string | null,
    @Arg('email', () => String, { nullable: true }) email: string | null,
    @Ctx() context: RequestContext,
  ): Promise<typeof VerifyEmailResult> {
    await this.#emailVerification.verifyEmail({ code, password, email }, context);
    return acknowledge('The address was confirmed. You can now log in.');
  }

  @Mutation(() => CancelRegistrationResult)
  async cancelRegistration(
    @Arg('code', () => String) code: string,
  ): Promise<typeof CancelRegistrationResult> {
    await this.#emailVerification.cancelRegistration(code);
    return acknowledge('The registration was removed.');
  }

  @Mutation(() => LoginResult)
  async login(
    @Arg('input', () => LoginInputType) input: LoginInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof LoginResult> {
    return this.#tokenDelivery.deliverTokens(context, await this.#login.login(input, context));
  }
}

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
  readonly #passwordReset: PasswordReset;
  readonly #passwordChange: PasswordChange;

  constructor(passwordReset: PasswordReset, passwordChange: PasswordChange) {
    this.#passwordReset = passwordReset;
    this.#passwordChange = passwordChange;
  }

  @Query(() => Boolean)
  isPasswordResetValid(
    @Arg('uid', () => String) uid: string,
    @Arg('token', () => String) token: string,
  ): Promise<boolean> {
    return this.#passwordReset.isPasswordResetValid(uid, token);
  }

  @Mutation(() => RequestResult)
  async requestPasswordReset(
    @Arg('email', () => String) email: string,
  ): Promise<typeof RequestResult> {
    await this.#passwordReset.requestPasswordReset(email);
    return acknowledge('If an account has this address, a reset link will be sent.');
  }

  @Mutation(() => ResetPasswordResult)
  async resetPassword(
    @Arg('input', () => ResetPasswordInputType) input: ResetPasswordInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof ResetPasswordResult> {
    await this.#passwordReset.resetPassword(input, context);
    return acknowledge('The password was set. You can now log in with it.');
  }

  @Mutation(() => ChangePasswordResult)
  async changePassword(
    @Arg('input', () => ChangePasswordInputType) input: ChangePasswordInputType,
    @Ctx() context: RequestContext,
  ): Promise<typeof ChangePasswordResult> {
    await this.#passwordChange.changePassword(input, context);
    return acknowledge('The password was changed, and your other sessions were ended.');
  }
}
