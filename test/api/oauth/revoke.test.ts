/** `POST /oauth/revoke` (RFC 7009): what ends with a token, the audit log, and races. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { superuser } from '../../support/administrators.ts';
import { createKey, createServiceAccount, holds } from '../../support/api-keys.ts';
import { oauth } from '../../support/oauth.ts';
import { somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn, refresh, sessionIdOf } from '../../support/session-calls.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const revoke = (form: Readonly<Record<string, string>>) => oauth(service, 'revoke', { form });

const entriesAbout = (sessionId: string) =>
  service.database.query<{ action: string; actor_kind: string; actor_id: string }>(
    'select action, actor_kind, actor_id from audit_entries where target_id = $1',
    [sessionId],
  );

describe('tokens of a session', () => {
  test.each([
    ['refreshToken', {}],
    ['refreshToken', { token_type_hint: 'refresh_token', client_id: 'gatehouse' }],
    ['refreshToken', { token_type_hint: 'access_token' }],
    ['accessToken', { token_type_hint: 'access_token' }],
    ['accessToken', { token_type_hint: 'nonsense' }],
  ] as const)('the %s ends its session with %o', async (name, more) => {
    const ada = await somebody(service);
    const { status, body, headers } = await revoke({ token: ada[name], ...more });
    expect([status, body]).toEqual([200, {}]);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(await isIn(service, ada.accessToken)).toBe(false);
    expect(await refresh(service, ada.refreshToken)).toBeUndefined();
    expect(await entriesAbout(sessionIdOf(ada.accessToken))).toEqual([
      { action: 'revoked', actor_kind: 'user', actor_id: ada.userId },
    ]);
  });

  test('a replaced refresh token ends its session too', async () => {
    const ada = await somebody(service);
    const newer = await refresh(service, ada.refreshToken);
    await revoke({ token: ada.refreshToken });
    expect(await isIn(service, newer?.accessToken ?? '')).toBe(false);
  });

  test('other sessions of the user stay', async () => {
    const ada = await somebody(service);
    const { body } = await service.rest('POST', '/login/', {
      json: { email: ada.email, password: 'correct horse battery staple' },
    });
    await revoke({ token: ada.refreshToken });
    expect(await isIn(service, body.data.access_token)).toBe(true);
  });

  test('16 parallel calls all succeed and write one entry', async () => {
    const ada = await somebody(service);
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) =>
        revoke({ token: index % 2 ? ada.refreshToken : ada.accessToken }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await entriesAbout(sessionIdOf(ada.accessToken))).toHaveLength(1);
  });
});

describe('API keys', () => {
  test('a key that is presented is revoked, once for 16 parallel callers', async () => {
    const ada = await somebody(service);
    const key = await createKey(service, ada.accessToken);
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => revoke({ token: key.secret })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await holds(service, key.secret, 'x')).toBe('refused');
    expect(await isIn(service, ada.accessToken)).toBe(true);
    const entries = await entriesAbout(key.id);
    expect(entries.filter(({ action }) => action === 'api-key-revoked')).toEqual([
      { action: 'api-key-revoked', actor_kind: 'anonymous', actor_id: null },
    ]);
  });

  test('an access token of a service account is not revoked, as it ends with its key', async () => {
    const root = await superuser(service);
    const robot = await createServiceAccount(service, root.accessToken);
    const input = { serviceAccountId: robot.id };
    const { secret } = await createKey(service, root.accessToken, input);
    const { body } = await oauth(service, 'token', {
      basic: [robot.clientId, secret],
      form: { grant_type: 'client_credentials' },
    });
    const answer = await oauth(service, 'revoke', {
      basic: [robot.clientId, secret],
      form: { token: body.access_token },
    });
    expect([answer.status, answer.body.error]).toEqual([400, 'unsupported_token_type']);
    expect((await revoke({ token: secret })).status).toBe(200);
    expect(await holds(service, body.access_token, 'x')).toBe('refused');
  });
});

describe('other tokens', () => {
  test.each([
    ['garbage', 'garbage'],
    ['a forged refresh token', 'A'.repeat(48)],
    ['a forged access token', 'a.b.c'],
    ['an unknown key', `gk_${'A'.repeat(49)}`],
    ['a long token', 'x'.repeat(90_000)],
  ])('%s is answered with 200', async (_title, token) => {
    expect((await revoke({ token })).status).toBe(200);
  });

  test('an expired access token ends nothing', async () => {
    await using other = await startService({ environment: { ACCESS_TOKEN_TTL: '60' } });
    const ada = await somebody(other);
    other.advance(70);
    const { status } = await oauth(other, 'revoke', { form: { token: ada.accessToken } });
    expect(status).toBe(200);
    expect(await refresh(other, ada.refreshToken)).toBeDefined();
  });

  test('no token, and a wrong client, are errors, and the session stays', async () => {
    const ada = await somebody(service);
    expect(await revoke({})).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    const wrong = { token: ada.refreshToken, client_id: 'somebody', client_secret: 'x' };
    expect(await revoke(wrong)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(await isIn(service, ada.accessToken)).toBe(true);
  });
});
