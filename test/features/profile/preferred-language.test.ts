/** The language of an account: set by its owner, used by the mails to the account. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

test('a mail uses the language that the owner of the account has set', async () => {
  const { accessToken, email, userId } = await somebody(service);
  const { data } = await service.graphql(
    `mutation ($input: UpdateProfileInput!) {
      updateProfile(input: $input) { __typename ... on User { locale } }
    }`,
    { input: { locale: 'es' } },
    accessToken,
  );
  expect(data.updateProfile).toEqual({ __typename: 'User', locale: 'es' });
  const rows = await service.database.query('select locale from users where id = $1', [userId]);
  expect(rows).toEqual([{ locale: 'es' }]);
  await service.rest('POST', '/password/request_change/', { json: { email } });
  const mails = await service.mail.waitFor(email);
  expect(mails.at(-1)?.html).toContain('<html lang="es">');
});
