/**
 * The documented REST paths, as data. Each row names the GraphQL document it runs, so that the two
 * interfaces cannot disagree; what runs a row is in run.ts.
 */

export interface RestInput {
  readonly from: 'body' | 'query' | 'path';
  /** Where the value goes among the document's variables, such as `input.firstName`. */
  readonly to: string;
  readonly isRequired: boolean;
  readonly description: string;
}

export interface RestRow {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the prefix, with a final slash that callers may leave out. */
  readonly path: string;
  readonly summary: string;
  /** Whether the caller must send an access token. */
  readonly needsToken: boolean;
  readonly inputs: Readonly<Record<string, RestInput>>;
  /** A GraphQL document whose one root field is called `result`. */
  readonly document: string;
  readonly success: {
    readonly status: 200 | 201 | 204;
    readonly message: string;
    /** Names in `data` and where they come from in `result`; `.` is the result itself. */
    readonly data: Readonly<Record<string, string>>;
  };
  /** A GET that uses something up: only for callers that are programs, never for HEAD or prefetch. */
  readonly isConsuming?: true;
}

const field = (from: RestInput['from'], isRequired: boolean) => (to: string, description: string) =>
  ({ from, to, isRequired, description }) satisfies RestInput;
const body = field('body', true);
const optionalBody = field('body', false);
const query = field('query', true);
const path = field('path', true);

const problem = '... on Problem { code message fields { path message } }';
const acknowledgement = `... on Acknowledgement { message } ${problem}`;

export const restRows: readonly RestRow[] = [
  {
    method: 'POST',
    path: '/register/',
    summary: 'Register a new user',
    needsToken: false,
    inputs: {
      email: body('input.email', 'Address to prove'),
      first_name: body('input.firstName', 'Given name'),
      last_name: body('input.lastName', 'Family name'),
      password: body('input.password', 'Password'),
      password2: optionalBody('input.passwordConfirmation', 'The password again'),
      username: optionalBody('input.username', 'Unique name to log in with'),
    },
    document: `mutation ($input: RegisterInput!) { result: register(input: $input) { ${acknowledgement} } }`,
    success: { status: 201, message: 'Registration successful', data: {} },
  },
  {
    method: 'POST',
    path: '/register/resend_email_verify/',
    summary: 'Send the verification code again',
    needsToken: false,
    inputs: { email: body('email', 'The address that was registered') },
    document: `mutation ($email: String!) { result: resendVerificationEmail(email: $email) { ${acknowledgement} } }`,
    success: { status: 200, message: 'Verification email sent successfully', data: {} },
  },
  {
    method: 'GET',
    path: '/register/verify/',
    summary: 'Activate a registered user',
    needsToken: false,
    inputs: { code: query('code', 'The code from the mail') },
    document: `mutation ($code: String!) { result: verifyEmail(code: $code) { ${acknowledgement} } }`,
    success: { status: 200, message: 'Email Verification Successful', data: {} },
    isConsuming: true,
  },
  {
    method: 'POST',
    path: '/login/',
    summary: 'Log in',
    needsToken: false,
    inputs: {
      email: body('input.email', 'Address or username'),
      password: body('input.password', 'Password'),
    },
    document: `mutation ($input: LoginInput!) { result: login(input: $input) { ... on TokenPair { accessToken refreshToken } ${problem} } }`,
    success: {
      status: 200,
      message: 'Login successful',
      data: { access_token: 'accessToken', refresh_token: 'refreshToken' },
    },
  },
  {
    method: 'POST',
    path: '/token/refresh/',
    summary: 'Exchange a refresh token for new tokens',
    needsToken: false,
    inputs: { refresh_token: body('refreshToken', 'The newest refresh token of the session') },
    document: `mutation ($refreshToken: String!) { result: refreshTokens(refreshToken: $refreshToken) { ... on TokenPair { accessToken refreshToken } ${problem} } }`,
    success: {
      status: 200,
      message: 'Token refreshed',
      data: { access_token: 'accessToken', refresh_token: 'refreshToken' },
    },
  },
  {
    method: 'POST',
    path: '/logout/',
    summary: 'Log out of the session that the refresh token belongs to, or of this one',
    needsToken: true,
    inputs: { refresh_token: optionalBody('refreshToken', 'Refresh token of the session to end') },
    document: `mutation ($refreshToken: String) { result: logout(refreshToken: $refreshToken) { ${acknowledgement} } }`,
    success: { status: 204, message: 'Logged out', data: {} },
  },
  {
    method: 'DELETE',
    path: '/logout/',
    summary: 'Log out of every session of the user',
    needsToken: true,
    inputs: {},
    document: `mutation { result: logoutEverywhere { ${acknowledgement} } }`,
    success: { status: 204, message: 'Logged out everywhere', data: {} },
  },
  {
    method: 'GET',
    path: '/profile/view/',
    summary: 'Get user data',
    needsToken: true,
    inputs: {},
    document: `{ result: me {
      id email username firstName lastName fullName isActive isStaff isSuperuser pendingEmail
      createdAt updatedAt lastLoginAt
    } }`,
    success: {
      status: 200,
      message: 'User data',
      data: {
        id: 'id',
        email: 'email',
        username: 'username',
        first_name: 'firstName',
        last_name: 'lastName',
        full_name: 'fullName',
        is_active: 'isActive',
        is_staff: 'isStaff',
        is_superuser: 'isSuperuser',
        pending_email: 'pendingEmail',
        created_at: 'createdAt',
        updated_at: 'updatedAt',
        last_login: 'lastLoginAt',
      },
    },
  },
  {
    method: 'GET',
    path: '/profile/has_group/:group/',
    summary: 'Check if the user has a group',
    needsToken: true,
    inputs: { group: path('name', 'Name of the group') },
    document: 'query ($name: String!) { result: hasGroup(name: $name) }',
    success: { status: 200, message: 'Group checked', data: { has_group: '.' } },
  },
  {
    method: 'GET',
    path: '/profile/has_permission/:permission/',
    summary: 'Check if the user has a permission',
    needsToken: true,
    inputs: { permission: path('permission', 'Code of the permission') },
    document: 'query ($permission: String!) { result: hasPermission(permission: $permission) }',
    success: { status: 200, message: 'Permission checked', data: { has_permission: '.' } },
  },
];
