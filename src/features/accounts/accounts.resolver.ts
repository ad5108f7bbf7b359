/** Registration, verification and login over GraphQL. */
import 'reflect-metadata'; // type-graphql asks for it when a decorator runs
import { Arg, Ctx, Field, InputType, Mutation, Resolver } from 'type-graphql';
import type { Context } from '../../core/actor.ts';
import { AcknowledgementType, acknowledge, resultUnion } from '../answers.resolver.ts';
import { TokenPairType } from '../sessions/sessions.resolver.ts';
import type { Login } from './login.ts';
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
const LoginResult = resultUnion('LoginResult', TokenPairType);

@Resolver()
export class AccountsResolver {
  readonly #registrations: Registrations;
  readonly #login: Login;

  constructor(registrations: Registrations, login: Login) {
    this.#registrations = registrations;
    this.#login = login;
  }

  @Mutation(() => RegisterResult)
  async register(
    @Arg('input', () => RegisterInputType) input: RegisterInputType,
    @Ctx() context: Context,
  ): Promise<typeof RegisterResult> {
    await this.#registrations.register(input, context);
    return acknowledge('Registration successful. Confirm the address with the code mailed to it.');
  }

  @Mutation(() => ResendResult)
  async resendVerificationEmail(
    @Arg('email', () => String) email: string,
  ): Promise<typeof ResendResult> {
    await this.#registrations.resendVerificationEmail(email);
    return acknowledge('If the address waits for a code, a new one is on its way.');
  }

  @Mutation(() => VerifyEmailResult)
  async verifyEmail(@Arg('code', () => String) code: string): Promise<typeof VerifyEmailResult> {
    await this.#registrations.verifyEmail(code);
    return acknowledge('The address is confirmed. You can log in now.');
  }

  @Mutation(() => LoginResult)
  async login(
    @Arg('input', () => LoginInputType) input: LoginInputType,
    @Ctx() context: Context,
  ): Promise<typeof LoginResult> {
    return this.#login.login(input, context);
  }
}
