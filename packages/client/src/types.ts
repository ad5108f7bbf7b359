/** The results of the operations, as in schema.graphql. `__typename` tells the members of a union apart. */

/** Codes of expected errors, with which an app can show a form again. */
export type ProblemCode =
  | 'VALIDATION_FAILED'
  | 'INVALID_CREDENTIALS'
  | 'ACCOUNT_NOT_ACTIVE'
  | 'INVALID_CODE'
  | 'INVALID_TOKEN'
  | 'ALREADY_EXISTS'
  | 'NOT_FOUND'
  | 'PROTECTED';

export interface FieldProblem {
  /** Name of the input, such as `firstName`. */
  readonly path: string;
  /** A sentence for users: what is wrong, and how to correct it. */
  readonly message: string;
}

export interface Problem {
  readonly __typename: 'Problem';
  readonly code: ProblemCode;
  /** A sentence for users, constant for each code. */
  readonly message: string;
  /** Invalid inputs, if any. */
  readonly fields: readonly FieldProblem[];
}

export interface Acknowledgement {
  readonly __typename: 'Acknowledgement';
  readonly message: string;
}

export interface User {
  readonly id: string;
  readonly email: string;
  readonly isEmailVerified: boolean;
  readonly username: string | null;
  readonly firstName: string;
  readonly lastName: string;
  readonly fullName: string;
  readonly locale: string | null;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
}

/** A login. The refresh token is not part of it: see `onTokens`. */
export interface TokenPair {
  readonly __typename: 'TokenPair';
  readonly accessToken: string;
  /** Seconds. */
  readonly expiresIn: number;
  readonly user: User;
}

export interface RegisterInput {
  readonly email: string;
  readonly password: string;
  readonly passwordConfirmation?: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly username?: string;
}

export interface LoginInput {
  /** Address or username. */
  readonly email: string;
  readonly password: string;
}

export interface ResetPasswordInput {
  readonly uid: string;
  readonly token: string;
  readonly password: string;
  readonly passwordConfirmation?: string;
}

export interface ChangePasswordInput {
  readonly currentPassword: string;
  readonly newPassword: string;
}
