/** Changes of an account that remove its pending address and invalidate mailed codes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import { type Administrator, superuser } from '../../support/administrators.ts';
import { factOf } from '../../support/mail-server.ts';
import { goodPassword, newAddress, somebody } from '../../support/people.ts';
import { resetByRest, resetLink } from '../../support/resets.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';
import { rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;
beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

type User = Awaited<ReturnType<typeof somebody>>;
const { createUser, updateUser, deactivateUser } = administrationOf(() => service);
const newPassword = 'an entirely new passphrase';

/** Calls a mutation as the user. @throws Error for a problem */
async function mutate({ accessToken }: User, operation: string, input: object) {
  const type = `${operation[0]?.toUpperCase()}${operation.slice(1)}Input`;
  const { data, text } = await service.graphql(
    `mutation ($input: ${type}!) { result: ${operation}(input: $input) { __typename } }`,
    { input },
    accessToken,
  );
  if (data?.result?.__typename !== 'Acknowledgement') throw new Error(text);
}

async function useCode(operation: 'confirmEmailChange' | 'cancelEmailChange', code: string) {
  const { data } = await service.graphql(
    `mutation ($code: String!) { ${operation}(code: $code) { __typename } }`,
    { code },
  );
  return data[operation].__typename;
}

const codeTo = async (email: string) => factOf((await service.mail.waitFor(email)).at(-1), 'Code');

/** A user with a pending change of address. */
async function userWithPendingChange() {
  const user = await somebody(service);
  const newEmail = newAddress();
  await mutate(user, 'changeEmail', { newEmail, password: goodPassword });
  expect((await rowOf(service, user.userId))?.pending_email).toBe(newEmail);
  return { user, newEmail };
}

const kinds = ['verify-email', 'reset-password', 'change-email', 'invite'] as const;
type Kind = (typeof kinds)[number];

/** Inserts a valid code of each kind, and returns a function that lists those still valid. */
async function insertCodes({ userId, email }: User) {
  await service.database.query(
    `insert into one_time_passwords (id, user_id, kind, digest, email, created_at, expires_at)
     select gen_random_uuid(), $1::uuid, kind, concat('inserted ', kind, $1::uuid), $2, now(), now() + interval '1 hour'
     from unnest($3::text[]) kind`,
    [userId, email, kinds],
  );
  return async () => {
    const rows = await service.database.query<{ kind: Kind }>(
      `select kind from one_time_passwords
       where user_id = $1 and digest like 'inserted %' and ended_at is null order by kind`,
      [userId],
    );
    return rows.map(({ kind }) => kind);
  };
}

interface Cause {
  readonly name: string;
  readonly kept: readonly Kind[];
  readonly end: (user: User, newEmail: string) => Promise<unknown>;
}

const causes: readonly Cause[] = [
  {
    name: 'the change is confirmed',
    kept: ['invite'],
    end: async (_, to) => useCode('confirmEmailChange', await codeTo(to)),
  },
  {
    name: 'the change is cancelled',
    kept: ['invite', 'reset-password', 'verify-email'],
    end: async ({ email }) => useCode('cancelEmailChange', await codeTo(email)),
  },
  {
    name: 'the owner changes the password',
    kept: ['verify-email'],
    end: (user) => mutate(user, 'changePassword', { currentPassword: goodPassword, newPassword }),
  },
  {
    name: 'the owner resets the password',
    kept: [],
    end: async ({ email }) => {
      const { uid, token } = await resetLink(service, email);
      return resetByRest(service, uid, token);
    },
  },
  {
    name: 'the owner closes the account',
    kept: [],
    end: (user) => mutate(user, 'deactivateAccount', { email: user.email, password: goodPassword }),
  },
  {
    name: 'an administrator disables the account',
    kept: [],
    end: ({ userId }) => deactivateUser(root, userId),
  },
  {
    name: 'an administrator enables a disabled account',
    kept: ['invite'],
    end: async ({ userId }) => {
      await service.database.query("update users set status = 'DISABLED' where id = $1", [userId]);
      return updateUser(root, userId, { isActive: true });
    },
  },
  {
    name: 'an administrator sets a password',
    kept: ['verify-email'],
    end: ({ userId }) => updateUser(root, userId, { password: newPassword }),
  },
  {
    name: 'an administrator sets another address',
    kept: ['invite'],
    end: ({ userId }) => updateUser(root, userId, { email: newAddress() }),
  },
  {
    name: 'another account gets the address',
    kept: ['invite', 'reset-password', 'verify-email'],
    end: async (_, newEmail) => {
      await createUser(root, { email: newEmail });
      await quiet(service);
    },
  },
];

test.each(causes)(
  'when $name, the pending address is removed and codes become invalid',
  async ({ end, kept }) => {
    const { user, newEmail } = await userWithPendingChange();
    const code = await codeTo(newEmail);
    const validCodes = await insertCodes(user);
    expect(await validCodes()).toEqual(kinds.toSorted());
    await end(user, newEmail);
    expect((await rowOf(service, user.userId))?.pending_email).toBeNull();
    expect(await validCodes()).toEqual(kept);
    expect(await useCode('confirmEmailChange', code)).toBe('Problem');
  },
);

test('a disabled account cannot confirm a pending change of address', async () => {
  const { user, newEmail } = await userWithPendingChange();
  const code = await codeTo(newEmail);
  await service.database.query("update users set status = 'DISABLED' where id = $1", [user.userId]);
  expect(await useCode('confirmEmailChange', code)).toBe('Problem');
  expect(await rowOf(service, user.userId)).toMatchObject({ email: user.email });
});
