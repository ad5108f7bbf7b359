/**
 * The REST routes, as data. Each route has a GraphQL document, so that both interfaces behave in the same
 * way. `serve-rest.ts` executes the documents.
 */
import { administrationRoutes } from './administration-routes.ts';
import { apiKeyRoutes } from './api-key-routes.ts';
import type { RestRoute } from './route.ts';
import {
  acknowledgement,
  body,
  optionalBody,
  optionalQuery,
  path,
  problem,
  query,
} from './route.ts';

/** Names in the data of a user, with their GraphQL fields. */
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
  external_id: 'externalId',
  metadata: 'metadata',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  last_login: 'lastLoginAt',
};
const userFields = Object.values(userData).join(' ');

/** Names in the data of new tokens. */
const tokenData = {
  access_token: 'accessToken',
  expires_in: 'expiresIn',
  refresh_token: 'refreshToken',
};
const tokenFields = Object.values(tokenData).join(' ');

export const restRoutes: readonly RestRoute[] = [
  {
    method: 'POST',
    path: '/register/',
    summary: 'Register a new user',
    needsToken: false,
    params: {
      email: body('input.email'),
      first_name: body('input.firstName'),
      last_name: body('input.lastName'),
      password: body('input.password'),
      password2: optionalBody('input.passwordConfirmation'),
      username: optionalBody('input.username'),
    },
    document: `mutation ($input: RegisterInput!) { result: register(input: $input) { ${acknowledgement} } }`,
    success: { status: 201, message: 'Registration successful', data: {} },
  },
  {
    method: 'POST',
    path: '/register/resend_email_verify/',
    summary: 'Send the verification code again',
    needsToken: false,
    params: { email: body('email') },
    document: `mutation ($email: String!) { result: resendVerificationEmail(email: $email) { ${acknowledgement} } }`,
    success: { status: 200, message: 'Verification email sent successfully', data: {} },
  },
  {
    method: 'GET',
    path: '/register/verify/',
    summary: 'Verify the address of a registration',
    needsToken: false,
    params: { code: query('code'), email: optionalQuery('email') },
    document: `mutation ($code: String!, $email: String) { result: verifyEmail(code: $code, email: $email) { ${acknowledgement} } }`,
    success: { status: 200, message: 'Email Verification Successful', data: {} },
    consumesToken: true,
  },
  {
    method: 'POST',
    path: '/login/',
    summary: 'Log in',
    needsToken: false,
    usesSessionCookie: true,
    params: {
      email: body('input.email'),
      password: body('input.password'),
    },
    document: `mutation ($input: LoginInput!) { result: login(input: $input) { ... on TokenPair { ${tokenFields} } ${problem} } }`,
    success: {
      status: 200,
      message: 'Login successful',
      data: tokenData,
    },
  },
  {
    method: 'POST',
    path: '/token/refresh/',
    summary: 'Exchange a refresh token for new tokens',
    needsToken: false,
    usesSessionCookie: true,
    params: { refresh_token: optionalBody('refreshToken') },
    document: `mutation ($refreshToken: String) { result: refreshTokens(refreshToken: $refreshToken) { ... on TokenPair { ${tokenFields} } ${problem} } }`,
    success: {
      status: 200,
      message: 'Token refreshed',
      data: tokenData,
    },
  },
  {
    method: 'POST',
    path: '/logout/',
    summary: 'Log out of the session of the refresh token, or of the current session',
    needsToken: true,
    acceptsSessionCookie: true,
    usesSessionCookie: true,
    params: { refresh_token: optionalBody('refreshToken') },
    document: `mutation ($refreshToken: String) { result: logout(refreshToken: $refreshToken) { ${acknowledgement} } }`,
    success: { status: 204, message: 'Logged out', data: {} },
  },
  {
    method: 'DELETE',
    path: '/logout/',
    summary: 'Log out of all sessions of the user',
    needsToken: true,
    usesSessionCookie: true,
    params: {},
    document: `mutation { result: logoutEverywhere { ${acknowledgement} } }`,
    success: { status: 204, message: 'Logged out everywhere', data: {} },
  },
  {
    method: 'GET',
    path: '/profile/view/',
    summary: 'Get the data of the user',
    needsToken: true,
    params: {},
    document: `{ result: me { ${userFields} } }`,
    success: { status: 200, message: 'User data', data: userData, dataName: 'Profile' },
  },
  {
    method: 'GET',
    path: '/profile/has_group/:group/',
    summary: 'Check if the user has a group',
    needsToken: true,
    params: { group: path('name') },
    document: 'query ($name: String!) { result: hasGroup(name: $name) }',
    success: { status: 200, message: 'Group checked', data: { has_group: '.' } },
  },
  {
    method: 'GET',
    path: '/profile/has_permission/:permission/',
    summary: 'Check if the user has a permission',
    needsToken: true,
    params: { permission: path('permission') },
    document: 'query ($permission: String!) { result: hasPermission(permission: $permission) }',
    success: { status: 200, message: 'Permission checked', data: { has_permission: '.' } },
  },
  {
    method: 'PUT',
    path: '/profile/update/',
    summary:
      'Update the data of the user; a new address needs the password and takes effect when confirmed',
    needsToken: true,
    params: {
      first_name: optionalBody('input.firstName'),
      last_name: optionalBody('input.lastName'),
      username: optionalBody('input.username'),
      locale: optionalBody('input.locale'),
      email: optionalBody('input.email'),
      password: optionalBody('input.password'),
    },
    document: `mutation ($input: UpdateProfileInput!) { result: updateProfile(input: $input) {
      ... on User { ${userFields} } ${problem}
    } }`,
    success: {
      status: 200,
      message: 'User data modified successfully',
      data: userData,
      dataName: 'Profile',
    },
  },
  {
    method: 'DELETE',
    path: '/profile/delete/',
    summary: 'Disable the account of the user',
    needsToken: true,
    usesSessionCookie: true,
    params: {
      email: body('input.email'),
      password: body('input.password'),
    },
    document: `mutation ($input: DeactivateAccountInput!) { result: deactivateAccount(input: $input) { ${acknowledgement} } }`,
    success: { status: 204, message: 'Account disabled', data: {} },
  },
  {
    method: 'POST',
    path: '/password/request_change/',
    summary: 'Request a password reset by mail',
    needsToken: false,
    params: { email: body('email') },
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
    summary: 'Check uid and token of a mail, without consuming them',
    needsToken: false,
    params: {
      uidb64: path('uid'),
      token: path('token'),
    },
    document:
      'query ($uid: String!, $token: String!) { result: isPasswordResetValid(uid: $uid, token: $token) }',
    success: { status: 200, message: 'Valid codes', data: {} },
    problemIfFalse: { code: 'INVALID_TOKEN', message: 'Invalid or expired codes' },
  },
  {
    method: 'PUT',
    path: '/password/reset/',
    summary: 'Set a new password with uid and token of a mail',
    needsToken: false,
    usesSessionCookie: true,
    params: {
      uidb64: body('input.uid'),
      token: body('input.token'),
      password: body('input.password'),
      password2: optionalBody('input.passwordConfirmation'),
    },
    document: `mutation ($input: ResetPasswordInput!) { result: resetPassword(input: $input) { ${acknowledgement} } }`,
    success: { status: 200, message: 'Password reset successfully', data: {} },
    statuses: { INVALID_TOKEN: 400 },
  },
  ...apiKeyRoutes,
  ...administrationRoutes,
];
