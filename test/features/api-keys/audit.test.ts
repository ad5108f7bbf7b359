/** The audit log and the log name the API key of each request, so that the use of one key can be listed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Administrator, newName, staff, superuser } from '../../support/administrators.ts';
import { createKey, createServiceAccount, outcomeOf } from '../../support/api-keys.ts';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { oauth } from '../../support/oauth.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const createGroup = async (token: string, name: string) =>
  outcomeOf(
    await service.graphql(
      `mutation ($name: String!) {
        createGroup(input: { name: $name }) { __typename ... on Problem { code } }
      }`,
      { name },
      token,
    ),
  );

interface Entry {
  readonly action: string;
  readonly apiKeyId?: string;
  readonly targetId?: string;
  readonly targetName?: string;
}

/** The entries that the command line prints. */
async function tail(...args: string[]): Promise<Entry[]> {
  const { stdout, code } = await runCommand(['audit', 'tail', '--json', ...args], {
    environment: environmentOf(service.database),
  });
  expect(code).toBe(0);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const actionsOf = (entries: readonly Entry[], apiKeyId: string | undefined) =>
  entries.filter((entry) => entry.apiKeyId === apiKeyId).map(({ action }) => action);

test('entries and log lines have the API key of a request, also of an access token and a denial', async () => {
  const permissions = ['users.add_group'];
  const robot = await createServiceAccount(service, root.accessToken, { permissions });
  const input = { serviceAccountId: robot.id };
  const [used, other, token] = [
    await createKey(service, root.accessToken, input),
    await createKey(service, root.accessToken, input),
    await createKey(service, root.accessToken, input),
  ];
  const { body } = await oauth(service, 'token', {
    basic: [robot.clientId, token.secret],
    form: { grant_type: 'client_credentials' },
  });
  expect(await createGroup(used.secret, newName())).toBe('done');
  expect(await createGroup(used.secret, newName())).toBe('done');
  expect(await createGroup(used.secret, 'Root')).not.toBe('done');
  expect(await createGroup(String(body.access_token), newName())).toBe('done');
  const denied = await service.graphql(
    'mutation ($id: ID!) { deleteGroup(id: $id) { __typename ... on Problem { code } } }',
    { id: robot.id },
    other.secret,
  );
  expect(outcomeOf(denied)).toBe('FORBIDDEN');

  const entries = await tail('--actor', robot.id, '--limit', '1000');
  expect(actionsOf(entries, used.id)).toEqual([
    'api-key-first-used',
    'group-created',
    'group-created',
  ]);
  expect(actionsOf(entries, token.id)).toEqual(['api-key-first-used', 'group-created']);
  expect(actionsOf(entries, other.id)).toEqual(['api-key-first-used', 'deleteGroup']);
  const { data } = await service.graphql(
    `query ($filter: AuditFilter) {
      auditEntries(first: 50, filter: $filter) { nodes { action apiKeyId } }
    }`,
    { filter: { actorId: robot.id } },
    root.accessToken,
  );
  const nodes: Entry[] = data.auditEntries.nodes;
  expect(actionsOf(nodes.toReversed(), used.id)).toEqual(actionsOf(entries, used.id));

  const events = service.logLines
    .filter((line) => line.includes('security event'))
    .map((line) => JSON.parse(line))
    .filter(({ apiKeyId }) => apiKeyId === other.id);
  expect(events).toMatchObject([
    { event: 'api-key-first-used', actorId: robot.id },
    { event: 'deleteGroup', outcome: 'refused', code: 'FORBIDDEN', actorId: robot.id },
  ]);
  expect((await service.app.audit.verifier.verify()).faults).toEqual([]);
});

test('entries of a session have no key, and those of a personal key have it', async () => {
  const { accessToken, userId } = await superuser(service);
  const key = await createKey(service, accessToken);
  await createGroup(accessToken, newName());
  await createGroup(key.secret, newName());
  const entries = await tail('--actor', userId, '--action', 'group-created');
  expect(entries.map(({ apiKeyId }) => apiKeyId)).toEqual([undefined, key.id]);
});

test('service accounts and keys that a disabled administrator created are found by the actor', async () => {
  const ann = await staff(service, ['users.*']);
  const robot = await createServiceAccount(service, ann.accessToken);
  const key = await createKey(service, ann.accessToken, { serviceAccountId: robot.id });
  await service.database.query("update users set status = 'DISABLED' where id = $1", [ann.userId]);
  const [row] = await service.database.query<{ email: string }>(
    'select email from users where id = $1',
    [ann.userId],
  );
  const created = (action: string) => tail('--actor', row?.email ?? '', '--action', action);
  expect(await created('service-account-created')).toMatchObject([
    { targetId: robot.id, targetName: 'robot' },
  ]);
  expect(await created('api-key-created')).toMatchObject([{ targetId: key.id, targetName: 'ci' }]);
});
