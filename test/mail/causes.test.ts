/** Time, address and device in notices: those of the request that caused the mail. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { superuser } from '../support/administrators.ts';
import { factOf, type ReceivedMail } from '../support/mail-server.ts';
import { goodPassword, newAddress, person, somebody } from '../support/people.ts';
import { quiet, startService, type TestService } from '../support/service.ts';
import { refresh } from '../support/session-calls.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { TRUST_PROXY: '1' } });
});
afterAll(() => service.close());

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

/** Sends a mutation through a proxy that reports the address `ip`. */
async function send(
  mutation: string,
  {
    token,
    ip = '192.0.2.7',
    userAgent = firefox,
  }: Partial<Record<'token' | 'ip' | 'userAgent', string>> = {},
) {
  const response = await fetch(`${service.address}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': userAgent,
      'x-forwarded-for': ip,
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'auth.test',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({
      query: `mutation { result: ${mutation} { __typename ... on Problem { code } } }`,
    }),
  });
  const { data, errors } = (await response.json()) as {
    data?: { result: object };
    errors?: unknown;
  };
  expect(errors).toBeUndefined();
  return data?.result;
}

/** The newest mail to the address with a subject that matches. */
async function mailTo(email: string, subject: RegExp): Promise<ReceivedMail> {
  await quiet(service);
  const mail = service.mail.mails.findLast((one) => one.to === email && subject.test(one.subject));
  if (!mail) throw new Error(`no mail ${subject} to ${email}`);
  return mail;
}

const time = String.raw`Time: \d+ \w+ \d{4} at \d\d:\d\d UTC`;
const ofClient = new RegExp(
  `^${time}\nIP address: 192\\.0\\.2\\.7\nDevice: Firefox on Linux$`,
  'm',
);
const ofAdministrator = new RegExp(`^${time}\nBy: an administrator$`, 'm');

test('a password change names the client of the owner', async () => {
  const { email, accessToken } = await somebody(service);
  const input = `{ currentPassword: "${goodPassword}", newPassword: "another good passphrase" }`;
  await send(`changePassword(input: ${input})`, { token: accessToken });
  expect((await mailTo(email, /password was changed/)).text).toMatch(ofClient);
});

describe('a request of a stranger', () => {
  test('for a reset link names the client of the stranger', async () => {
    const { email } = await somebody(service);
    await send(`requestPasswordReset(email: "${email}")`);
    const { text, html } = await mailTo(email, /Reset your password/);
    expect(text).toMatch(ofClient);
    expect(html).toContain('192.0.2.7');
  });

  test('names it also if the stranger is logged in to another account', async () => {
    const [victim, stranger] = [await somebody(service), await somebody(service)];
    await send(`requestPasswordReset(email: "${victim.email}")`, { token: stranger.accessToken });
    const link = await mailTo(victim.email, /Reset your password/);
    expect(link.text).toMatch(ofClient);
    const [uid, token] = [factOf(link, 'Uid'), factOf(link, 'Token')];
    const input = `{ uid: "${uid}", token: "${token}", password: "the stranger chose this" }`;
    await send(`resetPassword(input: ${input})`, { token: stranger.accessToken });
    expect((await mailTo(victim.email, /password was changed/)).text).toMatch(ofClient);
  });

  test('with the address of an account names the client of the stranger', async () => {
    const { email } = await somebody(service);
    const input = `{ email: "${email}", password: "${goodPassword}", firstName: "Mallory", lastName: "M" }`;
    await send(`register(input: ${input})`);
    expect((await mailTo(email, /already have/)).text).toMatch(ofClient);
  });

  test('who changes the own address to that of an account names that client', async () => {
    const [owner, stranger] = [await somebody(service), await somebody(service)];
    const input = `{ newEmail: "${owner.email}", password: "${goodPassword}" }`;
    await send(`changeEmail(input: ${input})`, { token: stranger.accessToken });
    expect((await mailTo(owner.email, /already have/)).text).toMatch(ofClient);
  });

  test.each([
    ['text', 'Your account is at risk, call +1 555 0100', 'unknown'],
    ['a link', 'https://evil.example/login', 'unknown'],
    ['HTML', '<a href="https://evil.example">Firefox/1</a>', 'Firefox'],
    ['text around a known name', 'Call 555 0100 Firefox/140.0 (Windows)', 'Firefox on Windows'],
    ['nothing', '', 'unknown'],
  ])('with a user agent of %s brings none of it into the mail', async (_, userAgent, device) => {
    const { email } = await somebody(service);
    await send(`requestPasswordReset(email: "${email}")`, { userAgent });
    const { text, html, subject } = await mailTo(email, /Reset your password/);
    expect(text).toContain(`Device: ${device}\n`);
    expect(`${subject}${text}${html}`).not.toMatch(/555|evil/);
  });
});

test('the reuse of a refresh token names the client of the reuse', async () => {
  const { email, refreshToken } = await person(service);
  const first = await refresh(service, refreshToken);
  await refresh(service, first?.refreshToken ?? '');
  const administrator = await superuser(service);
  await send(`refreshTokens(refreshToken: "${refreshToken}")`, {
    token: administrator.accessToken,
  });
  const { text } = await mailTo(email, /session/);
  expect(text).toMatch(ofClient);
  expect(text).toContain('http://auth.test/forgot-password');
});

describe('a change by an administrator names the role, and no address of the administrator', () => {
  const changes = {
    'a new name': (id: string) => `updateUser(id: "${id}", input: { firstName: "Augusta" })`,
    'staff rights': (id: string) => `updateUser(id: "${id}", input: { isStaff: true })`,
    'the end of the account': (id: string) => `updateUser(id: "${id}", input: { isActive: false })`,
    'a reset link': (id: string) => `sendPasswordReset(userId: "${id}")`,
    'an erasure': (id: string) => `eraseUser(id: "${id}")`,
  };

  test.each(Object.entries(changes))('%s', async (_, mutation) => {
    const administrator = await superuser(service);
    const { email, userId } = await somebody(service);
    const before = service.mail.mails.length;
    await send(mutation(userId), { token: administrator.accessToken });
    await quiet(service);
    const mails = service.mail.mails.slice(before).filter(({ to }) => to === email);
    expect(mails).toHaveLength(1);
    expect(mails[0]?.text).toMatch(ofAdministrator);
    expect(`${mails[0]?.text}${mails[0]?.html}`).not.toMatch(/192\.0\.2\.7|Firefox/);
  });
});

test('an own change of an administrator names the client', async () => {
  const { email, accessToken } = await superuser(service);
  await send('updateProfile(input: { firstName: "Augusta" })', { token: accessToken });
  expect((await mailTo(email, /was changed/)).text).toMatch(ofClient);
});

test('a mail to an address of another person names no client', async () => {
  const { accessToken } = await somebody(service);
  const newEmail = newAddress();
  const input = `{ newEmail: "${newEmail}", password: "${goodPassword}" }`;
  await send(`changeEmail(input: ${input})`, { token: accessToken });
  const mail = await mailTo(newEmail, /Confirm your new/);
  expect(`${mail.text}${mail.html}`).not.toMatch(/192\.0\.2\.7|Firefox/);
});

test('a queued notice has names of known programs in its job, and its erased owner leaves no job', async () => {
  await using down = await startService({ environment: { EMAIL_PORT: '1' } });
  const notices = () =>
    down.database.query<{ payload: { cause?: object } }>(
      `select payload from graphile_worker._private_jobs where payload->>'userId' is not null`,
    );
  const { accessToken } = await somebody(down);
  await down.rest('PUT', '/profile/update/', {
    token: accessToken,
    json: { first_name: 'Augusta' },
    headers: { 'user-agent': `${firefox} made-up-secret` },
  });
  expect((await notices()).map(({ payload }) => payload.cause)).toEqual([
    {
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      by: 'client',
      ipAddress: '127.0.0.1',
      device: { program: 'Firefox', system: 'Linux' },
    },
  ]);
  await down.graphql(
    'mutation ($password: String!) { eraseAccount(password: $password) { __typename } }',
    { password: goodPassword },
    accessToken,
  );
  expect(await notices()).toEqual([]);
});
