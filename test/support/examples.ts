/** Valid arguments of each operation and each REST route, mostly with unknown ids. */
import { randomBytes } from 'node:crypto';
import { goodPassword, newAddress } from './people.ts';

type Examples = Readonly<Record<string, () => Record<string, unknown>>>;

const unknownId = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';

/** Variables by the name of the operation; `ownAddress` is the address of the caller. */
export function exampleVariables(ownAddress: () => string): Examples {
  return {
    me: () => ({}),
    node: () => ({ id: unknownId }),
    hasGroup: () => ({ name: 'Root' }),
    hasPermission: () => ({ permission: 'users.view_user' }),
    register: () => ({
      input: { email: newAddress(), password: goodPassword, firstName: 'Ada', lastName: 'L' },
    }),
    resendVerificationEmail: () => ({ email: ownAddress() }),
    verifyEmail: () => ({ code: 'AAAAAAAAAAAAAAAAAAAAAA' }),
    cancelRegistration: () => ({ code: 'AAAAAAAAAAAAAAAAAAAAAA' }),
    login: () => ({ input: { email: ownAddress(), password: goodPassword } }),
    exportMyData: () => ({}),
    isPasswordResetValid: () => ({ uid: 'nonsense', token: 'nonsense' }),
    requestPasswordReset: () => ({ email: ownAddress() }),
    resetPassword: () => ({
      input: { uid: 'nonsense', token: 'nonsense', password: goodPassword },
    }),
    changePassword: () => ({
      input: { currentPassword: 'not the password', newPassword: goodPassword },
    }),
    updateProfile: () => ({ input: { firstName: 'Ada' } }),
    changeEmail: () => ({ input: { newEmail: newAddress(), password: 'not the password' } }),
    confirmEmailChange: () => ({ code: 'AAAAAAAAAAAAAAAAAAAAAA' }),
    cancelEmailChange: () => ({ code: 'AAAAAAAAAAAAAAAAAAAAAA' }),
    deactivateAccount: () => ({ input: { email: ownAddress(), password: 'not the password' } }),
    eraseAccount: () => ({ password: 'not the password' }),
    user: () => ({ id: unknownId }),
    users: () => ({ first: 1, filter: {} }),
    usersWithPermission: () => ({ permission: 'users.view_user', first: 1 }),
    explainPermission: () => ({ userId: unknownId, permission: 'users.view_user' }),
    auditEntries: () => ({ first: 1, filter: {} }),
    group: () => ({ id: unknownId }),
    groups: () => ({ first: 1 }),
    permission: () => ({ id: unknownId }),
    permissions: () => ({ first: 1 }),
    createUser: () => ({ input: { email: newAddress() } }),
    updateUser: () => ({ id: unknownId, input: { firstName: 'Ada' } }),
    setGroupMembership: () => ({ input: { userId: unknownId, groupId: unknownId } }),
    deactivateUser: () => ({ id: unknownId }),
    eraseUser: () => ({ id: unknownId }),
    resendInvitation: () => ({ userId: unknownId }),
    registration: () => ({ id: unknownId }),
    registrations: () => ({ first: 1 }),
    confirmRegistration: () => ({ id: unknownId }),
    deleteRegistration: () => ({ id: unknownId }),
    sendPasswordReset: () => ({ userId: unknownId }),
    revokeUserSessions: () => ({ userId: unknownId }),
    createGroup: () => ({ input: { name: randomBytes(6).toString('hex') } }),
    updateGroup: () => ({ id: unknownId, input: { description: '' } }),
    deleteGroup: () => ({ id: unknownId }),
    serviceAccount: () => ({ id: unknownId }),
    serviceAccounts: () => ({ first: 1 }),
    createServiceAccount: () => ({ input: { name: randomBytes(6).toString('hex') } }),
    updateServiceAccount: () => ({ id: unknownId, input: { description: '' } }),
    deleteServiceAccount: () => ({ id: unknownId }),
    createApiKey: () => ({ input: { name: 'key', serviceAccountId: unknownId } }),
    revokeApiKey: () => ({ id: unknownId }),
    createPermission: () => ({
      input: { codename: `shop.${randomBytes(6).toString('hex')}`, name: 'Anything' },
    }),
    updatePermission: () => ({ id: unknownId, input: { name: 'Anything' } }),
    deletePermission: () => ({ id: unknownId }),
    logout: () => ({}),
    logoutEverywhere: () => ({}),
    refreshTokens: () => ({ refreshToken: 'nonsense' }),
    revokeSession: () => ({ id: unknownId }),
  };
}

/** Bodies by the path of the route, if it has one. */
export function exampleBodies(ownAddress: () => string): Examples {
  return {
    '/register/': () => ({
      email: newAddress(),
      first_name: 'Ada',
      last_name: 'L',
      password: goodPassword,
    }),
    '/register/resend_email_verify/': () => ({ email: ownAddress() }),
    '/login/': () => ({ email: ownAddress(), password: goodPassword }),
    '/logout/': () => ({}),
    '/token/refresh/': () => ({ refresh_token: 'nonsense' }),
    '/admin/users/': () => ({ email: newAddress() }),
    '/admin/users/:id/': () => ({ first_name: 'Ada' }),
    '/admin/users/:id/password_reset/': () => ({}),
    '/admin/users/:id/invite/': () => ({}),
    '/admin/registrations/:id/confirm/': () => ({}),
    '/admin/users/:id/revoke_sessions/': () => ({}),
    '/admin/groups/': () => ({ name: randomBytes(6).toString('hex') }),
    '/admin/groups/:id/': () => ({ description: '' }),
    '/admin/permissions/': () => ({
      codename: `shop.${randomBytes(6).toString('hex')}`,
      name: 'Anything',
    }),
    '/admin/permissions/:id/': () => ({ name: 'Anything' }),
    '/admin/service_accounts/': () => ({ name: randomBytes(6).toString('hex') }),
    '/admin/service_accounts/:id/': () => ({ description: '' }),
    '/api_keys/': () => ({ name: 'key', service_account: unknownId }),
    '/profile/update/': () => ({ first_name: 'Ada' }),
    '/profile/delete/': () => ({ email: ownAddress(), password: 'not the password' }),
    '/password/request_change/': () => ({ email: ownAddress() }),
    '/password/reset/': () => ({
      uidb64: 'nonsense',
      token: 'nonsense',
      password: goodPassword,
      password2: goodPassword,
    }),
  };
}
