/** What ends a change of address that waits for its confirmation: the account forgets the new address. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import { type Administrator, superuser } from '../../support/administrators.ts';
import { factOf } from '../../support/mail-server.ts';
import { goodPassword, newAddress, somebody } from '../../support/people.ts';
import { resetByRest, resetLink } from '../../support/resets.ts';
import { startService, type TestService } from '../../support/service.ts';
import { rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;
beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

type Person = Awaited<ReturnType<typeof somebody>>;
const { updateUser, deactivateUser } = administrationOf(() => service);
const newPassword = 'an entirely new passphrase';

/** Calls a mutation that takes an input, as the person; a problem is an error. */
async function mutate({ accessToken }: Person, operation: string, input: object) {
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

/** Somebody whose account waits for the confirmation of another address. */
async function personWhoMoves() {
  const person = await somebody(service);
  const newEmail = newAddress();
  await mutate(person, 'changeEmail', { newEmail, password: goodPassword });
  expect((await rowOf(service, person.userId))?.pending_email).toBe(newEmail);
  return { person, newEmail };
}

type Way = readonly [name: string, end: (person: Person, newEmail: string) => Promise<unknown>];
const ways: readonly Way[] = [
  ['it is confirmed', async (_, to) => useCode('confirmEmailChange', await codeTo(to))],
  ['it is cancelled', async ({ email }) => useCode('cancelEmailChange', await codeTo(email))],
  [
    'the owner changes the password',
    (person) => mutate(person, 'changePassword', { currentPassword: goodPassword, newPassword }),
  ],
  [
    'the owner resets the password',
    async ({ email }) => {
      const { uid, token } = await resetLink(service, email);
      return resetByRest(service, uid, token);
    },
  ],
  [
    'the owner closes the account',
    (person) =>
      mutate(person, 'deactivateAccount', { email: person.email, password: goodPassword }),
  ],
  ['an administrator disables the account', ({ userId }) => deactivateUser(root, userId)],
  [
    'an administrator enables a disabled account',
    async ({ userId }) => {
      await service.database.query("update users set status = 'DISABLED' where id = $1", [userId]);
      return updateUser(root, userId, { isActive: true });
    },
  ],
  [
    'an administrator sets a password',
    ({ userId }) => updateUser(root, userId, { password: newPassword }),
  ],
  [
    'an administrator sets another address',
    ({ userId }) => updateUser(root, userId, { email: newAddress() }),
  ],
];

test.each(ways)('when %s', async (_name, end) => {
  const { person, newEmail } = await personWhoMoves();
  const code = await codeTo(newEmail);
  await end(person, newEmail);
  expect((await rowOf(service, person.userId))?.pending_email).toBeNull();
  expect(await useCode('confirmEmailChange', code)).toBe('Problem');
});
