/** The journey of a user and an administrator with the client of @hey-api/openapi-ts. */
import {
  createGroup,
  isPasswordResetValid,
  login,
  logout,
  me,
  refreshTokens,
  register,
  requestPasswordReset,
  resetPassword,
  type TokenPair,
  type User,
  updateProfile,
  users,
  verifyEmail,
} from './generated/hey-api';
import { client } from './generated/hey-api/client.gen';
import { given, nextCursor, type Seen, type World } from './world';

export async function journey(world: World): Promise<Seen> {
  const own = await ownAccount(world);
  return { ...own, ...(await administration(world, own.token)) };
}

async function ownAccount(world: World) {
  const { email, password, newPassword } = world;
  let tokens: TokenPair | undefined;
  client.setConfig({ baseUrl: world.address, auth: () => tokens?.access_token });
  const names = { first_name: 'Ada', last_name: 'Lovelace' };

  const refused = await register({ body: { email, password: 'password123', ...names } });
  const problem = given(refused.error).data;
  await register({ body: { email, password, ...names }, throwOnError: true });
  await verifyEmail({ query: { code: await world.verificationCode() }, throwOnError: true });

  tokens = (await login({ body: { email, password }, throwOnError: true })).data.data;
  const profile = (await me({ throwOnError: true })).data.data;
  const updated = await updateProfile({ body: { first_name: 'Augusta' }, throwOnError: true });
  const before = tokens.refresh_token;
  const refreshed = await refreshTokens({ body: { refresh_token: before }, throwOnError: true });
  tokens = refreshed.data.data;
  const wasRefreshed = tokens.refresh_token !== before;

  await requestPasswordReset({ body: { email }, throwOnError: true });
  const { uid: uidb64, token } = await world.resetLink();
  await isPasswordResetValid({ path: { uidb64, token }, throwOnError: true });
  const body = { uidb64, token, password: newPassword, password2: newPassword };
  await resetPassword({ body, throwOnError: true });
  const loginAgain = () => login({ body: { email, password: newPassword }, throwOnError: true });
  tokens = (await loginAgain()).data.data;
  await logout({ body: { refresh_token: tokens.refresh_token }, throwOnError: true });
  const after = await me();

  return {
    refusal: [problem.code, problem.fields[0]?.path] as const,
    names: [profile.full_name, updated.data.data.full_name] as const,
    lastLogin: profile.last_login,
    wasRefreshed,
    statusAfterLogout: given(after.response).status,
    token: (await loginAgain()).data.data.access_token,
  };
}

async function administration(world: World, strangerToken: string) {
  client.setConfig({ auth: () => world.rootToken });
  const seen: User[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const query = { limit: 2, status: 'ACTIVE' as const, ...(cursor ? { cursor } : {}) };
    const { data, response } = await users({ query, throwOnError: true });
    seen.push(...data.data);
    cursor = nextCursor(response.headers);
    pages += 1;
  } while (cursor);
  const body = { name: world.groupName, permissions: [] };
  const created = await createGroup({ body, throwOnError: true });
  client.setConfig({ auth: () => strangerToken });
  const forbidden = await users();
  return {
    addresses: seen.map(({ email }) => email),
    pages,
    group: created.data.data,
    codeForStranger: given(forbidden.error).data.code,
  };
}
