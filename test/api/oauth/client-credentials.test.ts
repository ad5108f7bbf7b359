/** `grant_type=client_credentials`: access tokens for service accounts, their scope, and what ends them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Administrator, superuser } from '../../support/administrators.ts';
import {
  createKey,
  createServiceAccount,
  holds,
  type Key,
  type KeyInput,
  revokeKey,
  type ServiceAccount,
  tryCreateKey,
  updateServiceAccount,
} from '../../support/api-keys.ts';
import type { RestAnswer } from '../../support/client.ts';
import { oauth } from '../../support/oauth.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let root: Administrator;
let robot: ServiceAccount;
let key: Key;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
  robot = await createServiceAccount(service, root.accessToken, {
    permissions: ['shop.*', 'stock.view_item'],
  });
  key = await keyOf(robot);
});
afterAll(() => service.close());

const keyOf = (account: ServiceAccount, input: KeyInput = {}) =>
  createKey(service, root.accessToken, { ...input, serviceAccountId: account.id });

const grant = (
  secret: string,
  more: Readonly<Record<string, string>> = {},
  account: Pick<ServiceAccount, 'clientId'> = robot,
) =>
  oauth(service, 'token', {
    basic: [account.clientId, secret],
    form: { grant_type: 'client_credentials', ...more },
  });

const grantByForm = (credentials: Readonly<Record<string, string>>) =>
  oauth(service, 'token', { form: { grant_type: 'client_credentials', ...credentials } });

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

describe('the token', () => {
  test('has the service account, its client id and the key, and no refresh token', async () => {
    const { status, body, headers } = await grant(key.secret);
    expect([status, body]).toEqual([
      200,
      { access_token: expect.any(String), token_type: 'Bearer', expires_in: expect.any(Number) },
    ]);
    expect(body.expires_in).toBeGreaterThanOrEqual(298);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(claimsOf(body.access_token)).toMatchObject({
      iss: 'http://auth.test',
      aud: 'http://auth.test',
      sub: robot.id,
      client_id: robot.clientId,
      sid: key.id,
    });
    expect(claimsOf(body.access_token)).not.toHaveProperty('scope');
    expect(await holds(service, body.access_token, 'shop.add_order')).toBe(true);
    expect(await holds(service, body.access_token, 'users.view_user')).toBe(false);
  });

  test('client_secret_post and JSON are accepted', async () => {
    const credentials = { client_id: robot.clientId, client_secret: key.secret };
    const parameters = { grant_type: 'client_credentials', ...credentials };
    expect((await oauth(service, 'token', { form: parameters })).status).toBe(200);
    expect((await oauth(service, 'token', { json: parameters })).status).toBe(200);
  });

  test('two tokens differ', async () => {
    const [one, other] = [await grant(key.secret), await grant(key.secret)];
    expect(claimsOf(one.body.access_token).jti).not.toBe(claimsOf(other.body.access_token).jti);
  });

  test('passes forward auth with the identity of the service account', async () => {
    for (const token of [(await grant(key.secret)).body.access_token, key.secret]) {
      const { status, headers } = await rawRequest(
        service.address,
        ['GET', '/forward-auth?permission=shop.add_order'],
        { headers: { authorization: `Bearer ${token}` } },
      );
      expect(status).toBe(204);
      expect(headers).toMatchObject({ 'x-user-id': robot.id, 'x-user-name': 'robot' });
      expect(headers).not.toHaveProperty('x-user-email');
      expect(headers).not.toHaveProperty('x-user-email-verified');
    }
  });

  test('is not valid for longer than its key', async () => {
    const expiresAt = new Date(Date.now() + 90_000).toISOString();
    const { secret } = await keyOf(robot, { expiresAt });
    const { body } = await grant(secret);
    expect(body.expires_in).toBeLessThanOrEqual(90);
    expect(claimsOf(body.access_token).exp).toBeLessThanOrEqual(Date.parse(expiresAt) / 1000);
  });

  test('ends at once with its key, and with its account', async () => {
    const other = await createServiceAccount(service, root.accessToken);
    const [first, second] = [await keyOf(other), await keyOf(other)];
    const tokens = [
      (await grant(first.secret, {}, other)).body.access_token,
      (await grant(second.secret, {}, other)).body.access_token,
    ] as const;
    await revokeKey(service, root.accessToken, first.id);
    expect(await holds(service, tokens[0], 'x')).toBe('refused');
    expect(await holds(service, tokens[1], 'x')).toBe(false);
    await updateServiceAccount(service, root.accessToken, other.id, { isActive: false });
    expect(await holds(service, tokens[1], 'x')).toBe('refused');
    expect((await grant(second.secret, {}, other)).body.error).toBe('invalid_client');
  });
});

describe('the scope', () => {
  test('is the only permissions of the token', async () => {
    const { status, body } = await grant(key.secret, {
      scope: 'shop.view_order stock.view_item shop.view_order',
    });
    expect([status, body.scope]).toEqual([200, 'shop.view_order stock.view_item']);
    expect(claimsOf(body.access_token).scope).toBe('shop.view_order stock.view_item');
    const held = ['shop.view_order', 'shop.add_order', 'stock.view_item'];
    const answers = held.map((code) => holds(service, body.access_token, code));
    expect(await Promise.all(answers)).toEqual([true, false, true]);
  });

  test('may be a pattern within what the account holds', async () => {
    const { body } = await grant(key.secret, { scope: 'shop.view_*' });
    expect(await holds(service, body.access_token, 'shop.view_order')).toBe(true);
    expect(await holds(service, body.access_token, 'shop.add_order')).toBe(false);
  });

  test('ends with the permission of the account', async () => {
    const account = await createServiceAccount(service, root.accessToken, {
      permissions: ['shop.view_order'],
    });
    const { secret } = await keyOf(account);
    const { body } = await grant(secret, { scope: 'shop.view_order' }, account);
    expect(await holds(service, body.access_token, 'shop.view_order')).toBe(true);
    await updateServiceAccount(service, root.accessToken, account.id, { permissionIds: [] });
    expect(await holds(service, body.access_token, 'shop.view_order')).toBe(false);
  });

  test.each([
    'users.view_user',
    'shop.view_order users.view_user',
    '*',
    's*',
    'openid',
    ' shop.view_order',
    'shop.view_order  shop.add_order',
    'shop."view"',
    'shop.größe',
    `shop.${'x'.repeat(1000)}`,
  ])('that the key does not have is invalid_scope: %s', async (scope) => {
    const { status, body } = await grant(key.secret, { scope });
    expect([status, body.error]).toEqual([400, 'invalid_scope']);
  });

  test('cannot be left by a new key', async () => {
    const admin = await createServiceAccount(service, root.accessToken, {
      permissions: ['users.*', 'shop.*'],
    });
    const other = await createServiceAccount(service, root.accessToken, {
      permissions: ['shop.view_order'],
    });
    const { secret } = await keyOf(admin);
    const scope = 'users.change_service_account';
    const { access_token } = (await grant(secret, { scope }, admin)).body;
    const { errors } = await tryCreateKey(service, access_token, { serviceAccountId: other.id });
    expect(errors?.[0]?.extensions?.code).toBe('FORBIDDEN');
    const all = (await grant(secret, {}, admin)).body.access_token;
    const { data } = await tryCreateKey(service, all, { serviceAccountId: other.id });
    expect(data.createApiKey.__typename).toBe('NewApiKey');
  });

  test('is within the limit of the key', async () => {
    const { secret } = await keyOf(robot, { permissions: ['shop.view_order'] });
    expect((await grant(secret, { scope: 'shop.view_order' })).status).toBe(200);
    expect((await grant(secret, { scope: 'shop.add_order' })).body.error).toBe('invalid_scope');
  });
});

describe('refused clients', () => {
  test('an unknown id, a wrong secret, a key of another account and of a user get the same answer', async () => {
    const other = await keyOf(await createServiceAccount(service, root.accessToken));
    const personal = await createKey(service, root.accessToken);
    const inHeader = [
      await grant(key.secret, {}, { clientId: 'unknown' }),
      await grant('wrong'),
      await grant(`${key.secret.slice(0, -1)}x`),
      await grant(other.secret),
      await grant(personal.secret),
      await oauth(service, 'token', { form: { grant_type: 'client_credentials' } }),
    ];
    const inBody = [
      await grantByForm({ client_id: robot.clientId }),
      await grantByForm({ client_id: robot.clientId, client_secret: 'wrong' }),
      await grantByForm({ client_id: robot.clientId, client_secret: other.secret }),
      await grantByForm({ client_id: 'gatehouse' }),
    ];
    for (const { status, body } of [...inHeader, ...inBody]) {
      expect([status, body]).toEqual([
        401,
        {
          error: 'invalid_client',
          error_description: 'The client authentication is missing or wrong.',
        },
      ]);
    }
    const challenges = (answers: readonly RestAnswer[]) =>
      new Set(answers.map(({ headers }) => headers.get('www-authenticate')));
    expect(challenges(inHeader)).toEqual(new Set(['Basic realm="gatehouse"']));
    // A challenge of Basic would ask a client for the method that it does not use.
    expect(challenges(inBody)).toEqual(new Set([null]));
  });

  test('credentials in a JSON body get no challenge, a malformed header gets one', async () => {
    const json = {
      grant_type: 'client_credentials',
      client_id: robot.clientId,
      client_secret: 'x',
    };
    const inBody = await oauth(service, 'token', { json });
    expect([inBody.status, inBody.headers.get('www-authenticate')]).toEqual([401, null]);
    const malformed = await oauth(service, 'token', {
      form: { grant_type: 'client_credentials', client_id: robot.clientId },
      headers: { authorization: 'Basic %' },
    });
    expect([malformed.status, malformed.headers.get('www-authenticate')]).toEqual([
      401,
      'Basic realm="gatehouse"',
    ]);
  });

  test('each is a line of the security log', async () => {
    const { clientId } = robot;
    const client = { client_id: clientId, client_secret: 'wrong' };
    const from = service.logLines.length;
    await grant('wrong');
    await oauth(service, 'introspect', { form: { token: 'x', ...client } });
    await oauth(service, 'revoke', { form: { token: 'x', ...client } });
    await grantByForm({ client_id: 'unknown' });
    await grantByForm({});
    const events = service.logLines
      .slice(from)
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === 'security event');
    const refused = { outcome: 'refused', code: 'INVALID_CREDENTIALS', ip: '127.0.0.1' };
    expect(events).toMatchObject([
      { event: 'grant', ...refused, clientId },
      { event: 'introspect', ...refused, clientId },
      { event: 'revoke', ...refused, clientId },
      { event: 'grant', ...refused },
      { event: 'grant', ...refused },
    ]);
    expect(events.map((event) => 'clientId' in event)).toEqual([true, true, true, false, false]);
  });

  test.each([
    ['a key', () => key.secret],
    ['a key after the prefix of an id', () => `sa_${key.secret}`],
    ['an id that is too long', () => `${robot.clientId}0`],
    ['an id in upper case', () => robot.clientId.toUpperCase()],
    ['an id with a line break', () => `${robot.clientId}\n`],
  ])('%s as client id is in no line of the log', async (_title, id) => {
    const from = service.logLines.length;
    await grant('wrong', {}, { clientId: id() });
    await grantByForm({ client_id: id(), client_secret: 'wrong' });
    const lines = service.logLines.slice(from).join('');
    expect(lines.match(/INVALID_CREDENTIALS/g)?.length).toBeGreaterThanOrEqual(2);
    expect(lines).not.toContain(id().trim());
    expect(lines).not.toContain('clientId');
  });

  test('a service account has no refresh tokens', async () => {
    const { status, body } = await oauth(service, 'token', {
      basic: [robot.clientId, key.secret],
      form: { grant_type: 'refresh_token', refresh_token: 'A'.repeat(48) },
    });
    expect([status, body.error]).toEqual([400, 'unauthorized_client']);
  });

  test('wrong secrets are limited, and leak into no log', async () => {
    await using limited = await startService({ environment: { RATE_LIMITS: 'code=2/600' } });
    const ask = () =>
      oauth(limited, 'token', {
        basic: ['client', 'gk_canary-secret'],
        form: { grant_type: 'client_credentials' },
      });
    expect([(await ask()).status, (await ask()).status]).toEqual([401, 401]);
    const { status, body, headers } = await ask();
    expect([status, body.error]).toEqual([429, 'temporarily_unavailable']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(500);
    expect(limited.logLines.join('')).not.toContain('canary-secret');
  });
});
