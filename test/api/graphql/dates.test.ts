/** An invalid time is refused by every operation that takes one, before anything is executed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { superuser } from '../../support/administrators.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const documents = {
  auditEntries: 'query ($time: DateTime) { auditEntries(filter: {since: $time}) { nodes { id } } }',
  setGroupMembership: `mutation ($time: DateTime) {
    setGroupMembership(input: {userId: "x", groupId: "x", expiresAt: $time}) { __typename } }`,
};

test.each(
  Object.entries(documents).flatMap(([name, document]) =>
    ['2030-02-30T12:00:00Z', '2030-01-31T24:00:00Z', '0000-01-01T00:00:00Z', 'tomorrow'].map(
      (time) => ({ name, document, time }),
    ),
  ),
)('$name refuses $time', async ({ document, time }) => {
  const { accessToken } = await superuser(service);
  const { errors } = await service.graphql(document, { time }, accessToken);
  expect(errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT');
});

test('auditEntries accepts a time with any offset', async () => {
  const { accessToken } = await superuser(service);
  const { data } = await service.graphql(
    documents.auditEntries,
    { time: '2020-01-31T12:00:00+05:30' },
    accessToken,
  );
  expect(data.auditEntries.nodes.length).toBeGreaterThan(0);
});
