/** Failed logins are counted across restarts, spellings and paths; responses stay equal without a mail server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTurn, wrong } from '../support/attempts.ts';
import { type Client, createClient } from '../support/client.ts';
import { environmentOf, startServer } from '../support/command.ts';
import { startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress, somebody, tryLogin } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const login = (at: Client, email: string, password: string) =>
  at.rest('POST', '/login/', { json: { email, password } });

test('B08: failed logins are still counted after kill -9 of the process', async () => {
  const { email } = await somebody(service);
  const { secretKey: SECRET_KEY = '' } = service.app.config;
  const environment = { ...environmentOf(service.database, service.mail), SECRET_KEY };
  const failFiveTimes = async () => {
    const server = await startServer({ environment });
    const client = createClient(server.address);
    const responses = await inTurn(5, () => login(client, email, wrong));
    expect(responses.map(({ status }) => status)).toEqual(Array(5).fill(401));
    return { server, client };
  };
  const first = await failFiveTimes();
  await first.server.end('SIGKILL');
  const second = await failFiveTimes();
  expect((await login(second.client, email, goodPassword)).status).toBe(429);
  await second.server.end('SIGKILL');
  expect((await login(service, email, goodPassword)).status).toBe(429);
}, 60_000);

test('B10: an address with look-alike letters is a different address and matches no account', async () => {
  const { email } = await somebody(service, { email: `kim-${newAddress()}` });
  const lookalikes = [
    email.replace('k', '\u212a'), // KELVIN SIGN, whose lower case is k
    email.replace('k', '\uff4b'), // FULLWIDTH LATIN SMALL LETTER K
    email.replace('i', '\u0131'), // LATIN SMALL LETTER DOTLESS I
    email.replace('@', '\uff20'), // FULLWIDTH COMMERCIAL AT
  ];
  for (const address of lookalikes) {
    const json = { email: address, password: goodPassword, first_name: 'Ada', last_name: 'L' };
    expect((await service.rest('POST', '/register/', { json })).status).toBe(400);
    const { data } = await service.graphql(
      `mutation ($input: RegisterInput!) { register(input: $input) { ... on Problem { code } } }`,
      { input: { email: address, password: goodPassword, firstName: 'Ada', lastName: 'L' } },
    );
    expect(data.register).toEqual({ code: 'VALIDATION_FAILED' });
    expect((await login(service, address, goodPassword)).status).toBe(401);
    expect(await tryLogin(service, address)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  }
  expect((await login(service, email, goodPassword)).status).toBe(200);
});

test('B12: every spelling of the path of the login counts in one bucket', async () => {
  const { email } = await somebody(service);
  const spellings = ['/login/', '/login', '/login/?x=1', '/log%69n/', '/%6cogin?'];
  const attempt = (path: string, password: string) =>
    service.rest('POST', path, { json: { email, password } });
  for (const round of [1, 2]) {
    for (const path of spellings) {
      expect([round, path, (await attempt(path, wrong)).status]).toEqual([round, path, 401]);
    }
  }
  for (const path of spellings) expect((await attempt(path, goodPassword)).status).toBe(429);
});

test('B04: without a mail server a reset and a new code get the same response for every address', async () => {
  const mail = await startMailServer();
  await mail.close();
  await using offline = await startService({ mail });
  const [active, disabled, pending] = [
    await somebody(offline),
    await somebody(offline),
    await somebody(offline),
  ];
  for (const [{ userId }, status] of [
    [disabled, 'DISABLED'],
    [pending, 'PENDING'],
  ] as const) {
    await offline.database.query('update users set status = $1 where id = $2', [status, userId]);
  }
  const seen = new Set<string>();
  for (const email of [newAddress(), active.email, disabled.email, pending.email]) {
    const responses: unknown[] = [];
    for (const path of ['/password/request_change/', '/register/resend_email_verify/']) {
      const { status, text } = await offline.rest('POST', path, { json: { email } });
      responses.push(status, text);
    }
    for (const operation of ['requestPasswordReset', 'resendVerificationEmail']) {
      const { status, text } = await offline.graphql(
        `mutation ($email: String!) { result: ${operation}(email: $email) { __typename } }`,
        { email },
      );
      responses.push(status, text);
    }
    seen.add(JSON.stringify(responses));
  }
  expect([...seen]).toHaveLength(1);
  expect([...seen][0]).toContain('Acknowledgement');
});
