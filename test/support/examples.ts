/** What each operation and each REST row takes: harmless, of the right shape, and mostly of nobody. */
import { randomBytes } from 'node:crypto';
import { goodPassword, newAddress } from './people.ts';

type Examples = Readonly<Record<string, () => Record<string, unknown>>>;

const nobody = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';

/** Variables by the name of the operation; `ownAddress` is that of whoever asks. */
export function exampleVariables(ownAddress: () => string): Examples {
  return {
    me: () => ({}),
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
    user: () => ({ id: nobody }),
    users: () => ({ first: 1, filter: {} }),
    usersWithPermission: () => ({ permission: 'users.view_user', first: 1 }),
    explainPermission: () => ({ userId: nobody, permission: 'users.view_user' }),
    auditEntries: () => ({ first: 1, filter: {} }),
    group: () => ({ id: nobody }),
    groups: () => ({ first: 1 }),
    permission: () => ({ id: nobody }),
    permissions: () => ({ first: 1 }),
    createUser: () => ({ input: { email: newAddress() } }),
    updateUser: () => ({ id: nobody, input: { firstName: 'Ada' } }),
    setGroupMembership: () => ({ input: { userId: nobody, groupId: nobody } }),
    deactivateUser: () => ({ id: nobody }),
    resendInvitation: () => ({ userId: nobody }),
    registration: () => ({ id: nobody }),
    registrations: () => ({ first: 1 }),
    confirmRegistration: () => ({ id: nobody }),
    deleteRegistration: () => ({ id: nobody }),
    sendPasswordReset: () => ({ userId: nobody }),
    revokeUserSessions: () => ({ userId: nobody }),
    createGroup: () => ({ input: { name: randomBytes(6).toString('hex') } }),
    updateGroup: () => ({ id: nobody, input: { description: '' } }),
    deleteGroup: () => ({ id: nobody }),
    createPermission: () => ({
      input: { codename: `shop.${randomBytes(6).toString('hex')}`, name: 'Anything' },
    }),
    updatePermission: () => ({ id: nobody, input: { name: 'Anything' } }),
    deletePermission: () => ({ id: nobody }),
    logout: () => ({}),
    logoutEverywhere: () => ({}),
    refreshTokens: () => ({ refreshToken: 'nonsense' }),
    revokeSession: () => ({ id: nobody }),
  };
}

/** Bodies by the path of the row, where it takes one. */
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
