/** Registering and proving an address. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { register, tryLogin, verify } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

test('a person registers, confirms the code from the mail and logs in', async () => {
  const { email, code } = await register(service);
  expect(await tryLogin(service, email)).toMatchObject({ code: 'ACCOUNT_NOT_ACTIVE', fields: [] });
  expect(await verify(service, code)).toMatchObject({ __typename: 'Acknowledgement' });
  const login = await tryLogin(service, email);
  expect(login).toMatchObject({ __typename: 'TokenPair', tokenType: 'Bearer', user: { email } });
});
