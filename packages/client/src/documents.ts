/** The GraphQL documents of the client. Each mutation has its result in the field `result`. */

const problem = '... on Problem { code message fields { path message } }';
const acknowledgement = `__typename ... on Acknowledgement { message } ${problem}`;
const user =
  'id email isEmailVerified username firstName lastName fullName locale isStaff isSuperuser';

function mutation(name: string, parameters: string, call: string, selection: string): string {
  return `mutation ${name}${parameters} { result: ${call} { ${selection} } }`;
}

/** A document that returns an `Acknowledgement` or a `Problem`. */
const action = (name: string, parameters: string, call: string) =>
  mutation(name, parameters, call, acknowledgement);

/**
 * @param hasCookie whether the refresh token is in the cookie: the documents then do not mention it
 */
export function createDocuments(hasCookie: boolean) {
  const refreshToken = hasCookie ? '' : 'refreshToken ';
  const pair = `__typename ... on TokenPair { accessToken expiresIn ${refreshToken}user { ${user} } } ${problem}`;
  return {
    me: `query Me { result: me { ${user} } }`,
    login: mutation('LogIn', '($input: LoginInput!)', 'login(input: $input)', pair),
    refresh: hasCookie
      ? mutation('Refresh', '', 'refreshTokens', pair)
      : mutation(
          'Refresh',
          '($refreshToken: String!)',
          'refreshTokens(refreshToken: $refreshToken)',
          pair,
        ),
    logout: action('LogOut', '', 'logout'),
    logoutEverywhere: action('LogOutEverywhere', '', 'logoutEverywhere'),
    register: action('Register', '($input: RegisterInput!)', 'register(input: $input)'),
    verifyEmail: action(
      'VerifyEmail',
      '($code: String!, $email: String, $password: String)',
      'verifyEmail(code: $code, email: $email, password: $password)',
    ),
    resendVerificationEmail: action(
      'ResendVerificationEmail',
      '($email: String!)',
      'resendVerificationEmail(email: $email)',
    ),
    requestPasswordReset: action(
      'RequestPasswordReset',
      '($email: String!)',
      'requestPasswordReset(email: $email)',
    ),
    resetPassword: action(
      'ResetPassword',
      '($input: ResetPasswordInput!)',
      'resetPassword(input: $input)',
    ),
    changePassword: action(
      'ChangePassword',
      '($input: ChangePasswordInput!)',
      'changePassword(input: $input)',
    ),
  };
}
