/** The security log: one line for each event, with actor, address, request id and outcome. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { factOf } from '../support/mail-server.ts';
import { goodPassword, newAddress, person } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({
    environment: {
      RATE_LIMITS: 'account-network=4/600',
      METRICS_KEY: 'the-key-of-the-metrics-0123456789abcdef',
      REVOCATION_FEED_KEY: 'the-key-of-the-feed-0123456789abcdefgh',
    },
  });
});
afterAll(() => service.close());

interface Event {
  readonly event: string;
  readonly outcome: string;
  readonly code?: string;
  readonly actorId?: string;
  readonly targetId?: string;
  readonly ip?: string;
  readonly requestId?: string;
  readonly time: string;
}

/** The events since `from`, each on one line. */
function eventsSince(from: number): Event[] {
  return service.logLines
    .slice(from)
    .filter((line) => line.includes('"security event"'))
    .map((line) => JSON.parse(line) as Event); // what pino writes
}

const wrong = 'not the password at all';

test('logins, passwords, sessions and administration are logged, done or refused', async () => {
  const { email, userId, accessToken: token, refreshToken } = await person(service);
  const from = service.logLines.length;
  const ids: (string | null)[] = [];
  const ask = async (method: string, path: string, json: object, bearer?: string) => {
    const response = await service.rest(method, path, { json, token: bearer });
    ids.push(response.headers.get('x-request-id'));
    return response;
  };
  const change = (currentPassword: string) =>
    service.graphql(
      `mutation ($input: ChangePasswordInput!) {
        changePassword(input: $input) { ... on Problem { code } }
      }`,
      { input: { currentPassword, newPassword: `${goodPassword} new` } },
      token,
    );
  await ask('POST', '/login/', { email, password: wrong });
  await ask('POST', '/login/', { email, password: goodPassword });
  await change(wrong);
  await change(goodPassword);
  await ask('POST', '/admin/groups/', { name: 'mine' }, token);
  for (const old of [refreshToken, refreshToken]) {
    const { body } = await ask('POST', '/token/refresh/', { refresh_token: old });
    const next = body.data.refresh_token;
    if (next) await ask('POST', '/token/refresh/', { refresh_token: next });
  }
  await ask('POST', '/password/request_change/', { email });
  const mail = (await service.mail.waitFor(email, 4)).find(({ text }) => /^Token: /m.test(text));
  const password = `${goodPassword} reset`;
  await ask('PUT', '/password/reset/', {
    uidb64: factOf(mail, 'Uid'),
    token: factOf(mail, 'Token'),
    password,
    password2: password,
  });
  const again = await ask('POST', '/login/', { email, password });
  await ask('POST', '/logout/', {}, again.body.data.access_token);

  const events = eventsSince(from);
  const logged = events.map(({ event, outcome, code }) =>
    [event, outcome, code ?? ''].join(' ').trim(),
  );
  for (const one of [
    'login refused INVALID_CREDENTIALS',
    'login done',
    'password-asked refused INVALID_CREDENTIALS',
    'password-set done',
    'sessions-ended done',
    'createGroup refused FORBIDDEN',
    'refresh-token-reused done',
    'logged-out done',
  ]) {
    expect(logged, one).toContain(one);
  }
  expect(logged.filter((one) => one === 'password-set done')).toHaveLength(2);
  for (const { time, ip, requestId } of events.filter(({ event }) => event === 'login')) {
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(ip).toBe('127.0.0.1');
    expect(ids).toContain(requestId);
  }
  const login = events.find(({ event, outcome }) => event === 'login' && outcome === 'done');
  expect(login).toMatchObject({ actorId: userId, targetId: userId });
});

test('an exceeded rate limit is logged once, without the account', async () => {
  const email = newAddress();
  const from = service.logLines.length;
  const attempt = () => service.rest('POST', '/login/', { json: { email, password: wrong } });
  for (let round = 0; round < 4; round += 1) await attempt();
  const refused = await attempt();
  expect(refused.status).toBe(429);
  const [event, ...others] = eventsSince(from).filter(({ code }) => code === 'THROTTLED');
  expect(others).toEqual([]);
  expect(event).toMatchObject({
    event: 'attempt',
    outcome: 'refused',
    limit: 'account-network',
    ip: '127.0.0.1',
    requestId: refused.headers.get('x-request-id'),
  });
  expect(service.logLines.slice(from).join('')).not.toContain(email);
});

/** Runs a request, and returns its events after its last line. */
async function eventsOf(request: () => Promise<unknown>): Promise<string[]> {
  const from = service.logLines.length;
  await request();
  await sleep(30); // an event of the end of a request follows the response
  return eventsSince(from).map(({ event, outcome, code }) =>
    [event, outcome, code ?? ''].join(' ').trim(),
  );
}

const forged = 'A'.repeat(43);

test('I02: every refused code or token is one line, without its value', async () => {
  const { accessToken: token, email } = await person(service);
  const rest = (method: string, path: string, json?: object, bearer?: string) => () =>
    service.rest(method, path, { json, token: bearer });
  const graphql = (document: string, bearer?: string) => () =>
    service.graphql(document, {}, bearer);
  const from = service.logLines.length;
  const requests: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      'verifyEmail refused INVALID_CODE',
      graphql(`mutation { verifyEmail(code: "${forged}") { __typename } }`),
    ],
    [
      'confirmEmailChange refused INVALID_CODE',
      graphql(`mutation { confirmEmailChange(code: "${forged}") { __typename } }`),
    ],
    [
      'cancelEmailChange refused INVALID_CODE',
      graphql(`mutation { cancelEmailChange(code: "${forged}") { __typename } }`),
    ],
    [
      'resetPassword refused INVALID_TOKEN',
      rest('PUT', '/password/reset/', {
        uidb64: forged,
        token: forged,
        password: `${goodPassword} reset`,
        password2: `${goodPassword} reset`,
      }),
    ],
    [
      'isPasswordResetValid refused INVALID_TOKEN',
      graphql(`{ isPasswordResetValid(uid: "${forged}", token: "${forged}") }`),
    ],
    [
      'refreshTokens refused INVALID_TOKEN',
      rest('POST', '/token/refresh/', { refresh_token: forged }),
    ],
    [
      'refreshTokens refused INVALID_TOKEN',
      rest('POST', '/token/refresh/', { refresh_token: forged }, 'an.expired.token'),
    ],
    ['logout refused INVALID_TOKEN', rest('POST', '/logout/', { refresh_token: forged }, token)],
    ['access-token refused UNAUTHENTICATED', graphql('{ me { email } }', forged)],
    [
      'access-token refused UNAUTHENTICATED',
      rest('GET', '/profile/view/', undefined, `${token.slice(0, -4)}AAAA`),
    ],
  ];
  for (const [event, request] of requests) expect(await eventsOf(request)).toEqual([event]);
  const lines = service.logLines.slice(from).join('');
  for (const secret of [forged, token, email]) expect(lines).not.toContain(secret);
});

test('I02: a reset request for a known and an unknown address leaves the same line', async () => {
  const { email } = await person(service);
  const from = service.logLines.length;
  for (const address of [email, newAddress()]) {
    const ask = () =>
      service.rest('POST', '/password/request_change/', { json: { email: address } });
    expect(await eventsOf(ask)).toEqual(['password-reset-requested done']);
  }
  expect(service.logLines.slice(from).join('')).not.toContain('@example.com');
});

test('G10: a denied read is one line for any number of fields', async () => {
  const { accessToken: token, userId } = await person(service);
  const query = (document: string) => () => service.graphql(`{ ${document} }`, {}, token);
  const users = 'users { totalCount }';
  for (const [event, document] of [
    ['users', users],
    ['user', `user(id: "${userId}") { id }`],
    ['groups', 'groups { totalCount }'],
    ['permissions', 'permissions { totalCount }'],
    ['auditEntries', 'auditEntries { totalCount }'],
    [
      'explainPermission',
      `explainPermission(userId: "${userId}", permission: "a.b") { isAllowed }`,
    ],
    ['users', `${users} second: ${users} groups { totalCount }`],
  ] as const) {
    expect(await eventsOf(query(document))).toEqual([`${event} refused FORBIDDEN`]);
  }
  const from = service.logLines.length;
  await query(users)();
  expect(eventsSince(from)).toMatchObject([
    { actorKind: 'user', actorId: userId, ip: '127.0.0.1' },
  ]);
});

test('G10: an export of one’s data is an entry of the audit log', async () => {
  const { accessToken: token, userId } = await person(service);
  const exporting = () => service.graphql('{ exportMyData }', {}, token);
  expect(await eventsOf(exporting)).toEqual(['data-exported done']);
  const rows = await service.database.query(
    "select actor_id, target_id from audit_entries where action = 'data-exported'",
  );
  expect(rows).toEqual([{ actor_id: userId, target_id: userId }]);
});

test('I02: a wrong key of an operational route is logged', async () => {
  const bearer = 'not the key of the metrics';
  const asking = (path: string) => () =>
    fetch(`${service.address}${path}`, { headers: { authorization: bearer } });
  expect(await eventsOf(asking('/metrics'))).toEqual(['metrics refused UNAUTHENTICATED']);
  expect(await eventsOf(asking('/revocations'))).toEqual(['revocations refused UNAUTHENTICATED']);
});

test('an event that is rolled back is not logged', async () => {
  const { app } = service;
  const from = service.logLines.length;
  const work = app.unitOfWork.withEntityManager(() =>
    app.unitOfWork.transaction(async () => {
      await app.audit.log.append({ action: 'never-happened' });
      throw new Error('undone');
    }),
  );
  await expect(work).rejects.toThrow('undone');
  expect(eventsSince(from)).toEqual([]);
});
