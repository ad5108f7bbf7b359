/** What concerns the security of accounts stands in the log: a line each, with who, from where and how it went. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { factOf } from '../support/mail-server.ts';
import { goodPassword, newAddress, person } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { ATTEMPT_BUDGETS: 'account-network=4/600' } });
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

/** The events since `from`; each is one line. */
function eventsSince(from: number): Event[] {
  return service.logLines
    .slice(from)
    .filter((line) => line.includes('"security event"'))
    .map((line) => JSON.parse(line) as Event); // what pino writes
}

const wrong = 'not the password at all';

test('logins, passwords, sessions and administration are told, done or refused', async () => {
  const { email, userId, accessToken: token, refreshToken } = await person(service);
  const from = service.logLines.length;
  const ids: (string | null)[] = [];
  const ask = async (method: string, path: string, json: object, bearer?: string) => {
    const answer = await service.rest(method, path, { json, token: bearer });
    ids.push(answer.headers.get('x-request-id'));
    return answer;
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
  const told = events.map(({ event, outcome, code }) =>
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
    expect(told, one).toContain(one);
  }
  expect(told.filter((one) => one === 'password-set done')).toHaveLength(2);
  for (const { time, ip, requestId } of events.filter(({ event }) => event === 'login')) {
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(ip).toBe('127.0.0.1');
    expect(ids).toContain(requestId);
  }
  const login = events.find(({ event, outcome }) => event === 'login' && outcome === 'done');
  expect(login).toMatchObject({ actorId: userId, targetId: userId });
});

test('who has tried too often is told of, without a name', async () => {
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
    budget: 'account-network',
    ip: '127.0.0.1',
    requestId: refused.headers.get('x-request-id'),
  });
  expect(service.logLines.slice(from).join('')).not.toContain(email);
});

test('what is rolled back is not told', async () => {
  const { house } = service;
  const from = service.logLines.length;
  const work = house.unitOfWork.inContext(() =>
    house.unitOfWork.run(async () => {
      await house.audit.record({ action: 'never-happened' });
      throw new Error('undone');
    }),
  );
  await expect(work).rejects.toThrow('undone');
  expect(eventsSince(from)).toEqual([]);
});
