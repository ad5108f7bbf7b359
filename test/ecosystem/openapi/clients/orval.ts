/** The journey of a user and an administrator with the fetch client of orval. */
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
  type User,
  updateProfile,
  users,
  verifyEmail,
} from './generated/orval';
import { nextCursor, type Seen, type World } from './world';

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** The response, which must have this status. */
function having<Answer extends { status: number }, Status extends Answer['status']>(
  answer: Answer,
  status: Status,
): Extract<Answer, { status: Status }> {
  if (answer.status !== status) throw new Error(`not ${status}: ${JSON.stringify(answer)}`);
  return answer as Extract<Answer, { status: Status }>; // tested above
}

export async function journey(world: World): Promise<Seen> {
  const own = await ownAccount(world);
  return { ...own, ...(await administration(world, own.token)) };
}

async function ownAccount(world: World) {
  const { email, password, newPassword } = world;
  const names = { first_name: 'Ada', last_name: 'Lovelace' };

  const problem = having(await register({ email, password: 'password123', ...names }), 400).data
    .data;
  having(await register({ email, password, ...names }), 201);
  having(await verifyEmail({ code: await world.verificationCode() }), 200);

  const first = having(await login({ email, password }), 200).data.data;
  const profile = having(await me(bearer(first.access_token)), 200).data.data;
  const updated = having(
    await updateProfile({ first_name: 'Augusta' }, bearer(first.access_token)),
    200,
  );
  const { refresh_token } = first;
  const second = having(await refreshTokens({ refresh_token }), 200).data.data;

  having(await requestPasswordReset({ email }), 200);
  const { uid: uidb64, token } = await world.resetLink();
  having(await isPasswordResetValid(uidb64, token), 200);
  having(
    await resetPassword({ uidb64, token, password: newPassword, password2: newPassword }),
    200,
  );
  const loginAgain = async () =>
    having(await login({ email, password: newPassword }), 200).data.data;
  const third = await loginAgain();
  having(await logout({ refresh_token: third.refresh_token }, bearer(third.access_token)), 204);
  const after = await me(bearer(third.access_token));

  return {
    refusal: [problem.code, problem.fields[0]?.path] as const,
    names: [profile.full_name, updated.data.data.full_name] as const,
    lastLogin: profile.last_login,
    wasRefreshed: second.refresh_token !== refresh_token,
    statusAfterLogout: after.status,
    token: (await loginAgain()).access_token,
  };
}

async function administration(world: World, strangerToken: string) {
  const asRoot = bearer(world.rootToken);
  const seen: User[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const query = { limit: 2, status: 'ACTIVE' as const, ...(cursor ? { cursor } : {}) };
    const { data, headers } = having(await users(query, asRoot), 200);
    seen.push(...data.data);
    cursor = nextCursor(headers);
    pages += 1;
  } while (cursor);
  const created = having(
    await createGroup({ name: world.groupName, permissions: [] }, asRoot),
    201,
  );
  const forbidden = having(await users({}, bearer(strangerToken)), 403);
  return {
    addresses: seen.map(({ email }) => email),
    pages,
    group: created.data.data,
    codeForStranger: forbidden.data.data.code,
  };
}
