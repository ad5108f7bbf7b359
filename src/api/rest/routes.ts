/**
 * The documented REST paths, as data. Each row names the GraphQL document it runs, so that the two
 * interfaces cannot disagree; what runs a row is in run.ts.
 */
import { administrationRoutes } from './administration-routes.ts';
import type { RestRoute } from './route.ts';
import { acknowledgement, body, optionalBody, path, problem, query } from './route.ts';

/** Names of a user's data, and the fields that they come from. */
const userData = {
  id: 'id',
  email: 'email',
  username: 'username',
  first_name: 'firstName',
  last_name: 'lastName',
  full_name: 'fullName',
  is_email_verified: 'isEmailVerified',
  is_active: 'isActive',
  is_staff: 'isStaff',
  is_superuser: 'isSuperuser',
  pending_email: 'pendingEmail',
  locale: 'locale',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  last_login: 'lastLoginAt',
};
const userFields = Object.values(userData).join(' ');

export const restRoutes: readonly RestRoute[] = [
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
    isLogin: true,
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
    document: `{ result: me { ${userFields} } }`,
    success: { status: 200, message: 'User data', data: userData },
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
  {
    method: 'PUT',
    path: '/profile/update/',
    summary: 'Update user data; a new address waits until it is confirmed, and needs the password',
    needsToken: true,
    inputs: {
      first_name: optionalBody('input.firstName', 'Given name'),
      last_name: optionalBody('input.lastName', 'Family name'),
      username: optionalBody('input.username', 'Unique name to log in with'),
      locale: optionalBody('input.locale', 'Language to be written to in'),
      email: optionalBody('input.email', 'New address'),
      password: optionalBody('input.password', 'Password, where the address is to change'),
    },
    document: `mutation ($input: UpdateProfileInput!) { result: updateProfile(input: $input) {
      ... on User { ${userFields} } ${problem}
    } }`,
    success: { status: 200, message: 'User data modified successfully', data: userData },
  },
  {
    method: 'DELETE',
    path: '/profile/delete/',
    summary: 'Disable the account of the user',
    needsToken: true,
    inputs: {
      email: body('input.email', "The user's own address"),
      password: body('input.password', "The user's own password"),
    },
    document: `mutation ($input: DeactivateAccountInput!) { result: deactivateAccount(input: $input) { ${acknowledgement} } }`,
    success: { status: 204, message: 'Account disabled', data: {} },
  },
  {
    method: 'POST',
    path: '/password/request_change/',
    summary: 'Request a password change by mail',
    needsToken: false,
    inputs: { email: body('email', "The account's address") },
    document: `mutation ($email: String!) { result: requestPasswordReset(email: $email) { ${acknowledgement} } }`,
    success: {
      status: 200,
      message: "We've sent you a link to reset your password",
      data: {},
    },
  },
  {
    method: 'GET',
    path: '/password/verify/:uidb64/:token/',
    summary: 'Check uid and token of a mail; changes nothing',
    needsToken: false,
    inputs: {
      uidb64: path('uid', 'The uid from the mail'),
      token: path('token', 'The token from the mail'),
    },
    document:
      'query ($uid: String!, $token: String!) { result: isPasswordResetValid(uid: $uid, token: $token) }',
    success: { status: 200, message: 'Valid codes', data: {} },
    refusal: { code: 'INVALID_TOKEN', message: 'Invalid or expired codes' },
  },
  {
    method: 'PUT',
    path: '/password/reset/',
    summary: 'Choose a new password with uid and token from a mail',
    needsToken: false,
    inputs: {
      uidb64: body('input.uid', 'The uid from the mail'),
      token: body('input.token', 'The token from the mail'),
      password: body('input.password', 'The new password'),
      password2: optionalBody('input.passwordConfirmation', 'The new password again'),
    },
    document: `mutation ($input: ResetPasswordInput!) { result: resetPassword(input: $input) { ${acknowledgement} } }`,
    success: { status: 200, message: 'Password reset successfully', data: {} },
    statuses: { INVALID_TOKEN: 400 },
  },
  ...administrationRoutes,
];
