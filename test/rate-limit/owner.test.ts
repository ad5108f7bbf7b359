/** Rate limits protect the owner of an account against attacks by strangers. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  headersFrom,
  inTurn,
  loginFrom,
  many,
  newNetwork,
  statuses,
  wrong,
} from '../support/attempts.ts';
import { factOf } from '../support/mail-server.ts';
import { goodPassword, pendingAccount, person, register } from '../support/people.ts';
import { quiet, startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { TRUST_PROXY: '1' } });
});
afterAll(() => service.close());

const newPassword = `${goodPassword} again`;

/** Ten networks with ten wrong passwords each, which exhaust the limit of the account. */
async function exhaustAccount(name: string): Promise<void> {
  const responses = await many(10, () => {
    const network = newNetwork();
    return inTurn(10, () => loginFrom(service, network, name, wrong));
  });
  expect(statuses(responses.flat())).toEqual(Array(100).fill(401));
  expect((await loginFrom(service, newNetwork(), name, goodPassword)).status).toBe(429);
}

async function resetPassword(email: string, network: string) {
  const headers = headersFrom(network);
  const before = service.mail.mails.filter(({ to }) => to === email).length;
  await service.rest('POST', '/password/request_change/', { json: { email }, headers });
  const mail = (await service.mail.waitFor(email, before + 1)).at(-1);
  const [uidb64, token] = [factOf(mail, 'Uid'), factOf(mail, 'Token')];
  const json = { uidb64, token, password: newPassword, password2: newPassword };
  return service.rest('PUT', '/password/reset/', { json, headers });
}

test('J10: after 40 resends and 100 wrong passwords by strangers, a reset and a login succeed', async () => {
  const { email } = await person(service);
  const home = newNetwork();
  expect((await loginFrom(service, home, email, goodPassword)).status).toBe(200);
  await inTurn(40, () =>
    service.rest('POST', '/register/resend_email_verify/', {
      json: { email },
      headers: headersFrom(newNetwork()),
    }),
  );
  await exhaustAccount(email);
  await quiet(service);
  expect((await loginFrom(service, home, email, goodPassword)).status).toBe(200);
  expect((await resetPassword(email, newNetwork())).status).toBe(200);
  expect((await loginFrom(service, home, email, newPassword)).status).toBe(200);
});

test('J10: the owner can log in from a network of the last 30 days, but not from an older one', async () => {
  const { email, accessToken: token } = await person(service, { username: 'grace_hopper' });
  const [home, olderNetwork] = [newNetwork(), '2001:db8:5:5::1'];
  for (const network of [home, olderNetwork]) {
    expect((await loginFrom(service, network, email, goodPassword)).status).toBe(200);
  }
  await service.database.query(
    "update sessions set created_at = created_at - interval '31 days' where ip_address = $1",
    [olderNetwork],
  );
  await exhaustAccount(email);
  await exhaustAccount('grace_hopper');
  for (const name of [email, 'grace_hopper']) {
    expect((await loginFrom(service, home, name, goodPassword)).status).toBe(200);
    expect((await loginFrom(service, olderNetwork, name, goodPassword)).status).toBe(429);
  }
  const confirm = (network: string) =>
    service.rest('PUT', '/profile/update/', {
      token,
      headers: headersFrom(network),
      json: { email: `new-${email}`, password: goodPassword },
    });
  expect((await confirm(newNetwork())).status).toBe(429);
  expect((await confirm(home)).status).toBe(200);
});

test('guesses from a known network are limited as well', async () => {
  const { email } = await person(service);
  const home = newNetwork();
  await loginFrom(service, home, email, goodPassword);
  const responses = await many(50, () => loginFrom(service, home, email, wrong));
  expect(responses.filter(({ status }) => status === 401)).toHaveLength(10);
  expect((await loginFrom(service, home, email, goodPassword)).status).toBe(429);
});

test('a reset empties the buckets of the account by address and by username', async () => {
  const { email } = await person(service, { username: 'ada_lovelace' });
  await exhaustAccount(email);
  await exhaustAccount('ada_lovelace');
  expect((await resetPassword(email, newNetwork())).status).toBe(200);
  for (const name of [email, 'Ada_Lovelace']) {
    expect((await loginFrom(service, newNetwork(), name, newPassword)).status).toBe(200);
  }
});

test('after three reset requests by strangers the owner gets a link once theirs have expired', async () => {
  await using brief = await startService({ environment: { RESET_TOKEN_TTL: '300' } });
  const { email } = await person(brief);
  const request = async () => {
    await brief.rest('POST', '/password/request_change/', { json: { email } });
    await quiet(brief);
    return brief.mail.mails.filter(({ to, text }) => to === email && /^Token: /m.test(text));
  };
  await inTurn(4, request);
  const sent = (await request()).length;
  expect(sent).toBe(3);
  brief.advance(301);
  const link = (await request()).at(sent);
  const json = { uidb64: factOf(link, 'Uid'), token: factOf(link, 'Token'), password: newPassword };
  expect((await brief.rest('PUT', '/password/reset/', { json })).status).toBe(200);
});

test('a pending account gets a code once the three requested by strangers have expired', async () => {
  await using brief = await startService({ environment: { VERIFY_CODE_TTL: '300' } });
  const { email } = await pendingAccount(brief);
  const request = async () => {
    brief.advance(61);
    await brief.rest('POST', '/register/resend_email_verify/', { json: { email } });
    await quiet(brief);
    return brief.mail.mails.filter(({ to }) => to === email).length;
  };
  await inTurn(4, request);
  const sent = await request();
  brief.advance(301);
  expect(await request()).toBe(sent + 1);
});

test('wrong passwords by strangers do not prevent the owner from confirming a registration', async () => {
  const { email, code } = await register(service);
  await exhaustAccount(email);
  const { data } = await service.graphql(
    `mutation ($code: String!, $password: String) {
      verifyEmail(code: $code, password: $password) { __typename }
    }`,
    { code, password: goodPassword },
  );
  expect(data?.verifyEmail).toEqual({ __typename: 'Acknowledgement' });
});
