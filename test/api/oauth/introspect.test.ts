/** `POST /oauth/introspect` (RFC 7662): the members of an answer, and no reason for an invalid token. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Administrator, setPermissions, superuser } from '../../support/administrators.ts';
import {
  createKey,
  createServiceAccount,
  type Key,
  revokeKey,
  type ServiceAccount,
  updateServiceAccount,
} from '../../support/api-keys.ts';
import { oauth } from '../../support/oauth.ts';
import { somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { logOut, refresh, sessionIdOf } from '../../support/session-calls.ts';

let service: TestService;
let root: Administrator;
let robot: ServiceAccount;
let key: Key;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
  robot = await createServiceAccount(service, root.accessToken, { permissions: ['shop.*'] });
  key = await createKey(service, root.accessToken, { serviceAccountId: robot.id });
});
afterAll(() => service.close());

const introspect = (token: string, more: Readonly<Record<string, string>> = {}) =>
  oauth(service, 'introspect', { basic: [robot.clientId, key.secret], form: { token, ...more } });

const inactive = { status: 200, body: { active: false } };

const expectInactive = async (token: string) => {
  const { status, body } = await introspect(token);
  expect({ status, body }).toEqual(inactive);
};

describe('a valid token', () => {
  test('an access token of a session', async () => {
    const ada = await somebody(service, { username: 'ada' });
    await setPermissions(service, ada.userId, ['shop.view_order', 'stock.*']);
    const { status, body, headers } = await introspect(ada.accessToken);
    expect([status, body]).toEqual([
      200,
      {
        active: true,
        iss: 'http://auth.test',
        sub: ada.userId,
        aud: 'http://auth.test',
        client_id: 'gatehouse',
        token_type: 'Bearer',
        jti: expect.any(String),
        sid: sessionIdOf(ada.accessToken),
        iat: expect.any(Number),
        exp: expect.any(Number),
        username: 'ada',
        scope: 'shop.view_order stock.*',
      },
    ]);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('a refresh token, with any hint and without being used up', async () => {
    const ada = await somebody(service);
    for (const token_type_hint of ['refresh_token', 'access_token', 'nonsense']) {
      const { body } = await introspect(ada.refreshToken, { token_type_hint });
      expect(body).toEqual({
        active: true,
        iss: 'http://auth.test',
        sub: ada.userId,
        client_id: 'gatehouse',
        token_type: 'refresh_token',
        sid: sessionIdOf(ada.accessToken),
        iat: expect.any(Number),
        exp: expect.any(Number),
        username: ada.email,
        email_verified: true,
      });
      expect(body.exp - body.iat).toBe(1_209_600);
    }
    expect(await refresh(service, ada.refreshToken)).toBeDefined();
  });

  test('an address in place of the username comes with its verification', async () => {
    const ada = await somebody(service);
    const personal = await createKey(service, ada.accessToken);
    for (const isVerified of [true, false]) {
      if (!isVerified) {
        await service.database.query('update users set email_verified_at = null where id = $1', [
          ada.userId,
        ]);
      }
      for (const token of [ada.accessToken, ada.refreshToken, personal.secret]) {
        const { body } = await introspect(token);
        expect(body).toMatchObject({ username: ada.email, email_verified: isVerified });
      }
    }
  });

  test('an API key of a service account, and its access token with a scope', async () => {
    const { body } = await introspect(key.secret);
    expect(body).toEqual({
      active: true,
      iss: 'http://auth.test',
      sub: robot.id,
      client_id: robot.clientId,
      token_type: 'Bearer',
      sid: key.id,
      iat: expect.any(Number),
      scope: 'shop.*',
    });
    const granted = await oauth(service, 'token', {
      basic: [robot.clientId, key.secret],
      form: { grant_type: 'client_credentials', scope: 'shop.view_order' },
    });
    const { body: ofToken } = await introspect(granted.body.access_token);
    expect(ofToken).toMatchObject({
      active: true,
      sub: robot.id,
      client_id: robot.clientId,
      sid: key.id,
      scope: 'shop.view_order',
    });
  });

  test('an API key of a user, with its limit and its end', async () => {
    const ada = await somebody(service);
    await setPermissions(service, ada.userId, ['shop.view_order', 'shop.add_order']);
    const expiresAt = new Date(Date.now() + 3_600_000);
    const personal = await createKey(service, ada.accessToken, {
      expiresAt: expiresAt.toISOString(),
      permissions: ['shop.view_order'],
    });
    const { body } = await introspect(personal.secret);
    expect(body).toMatchObject({ active: true, sub: ada.userId, scope: 'shop.view_order' });
    expect(body.exp).toBe(Math.floor(expiresAt.getTime() / 1000));
    expect(body).not.toHaveProperty('client_id');
  });
});

describe('an invalid token gets active: false and nothing else', () => {
  test.each([
    ['garbage', 'garbage'],
    ['a forged refresh token', 'A'.repeat(48)],
    ['a forged access token', 'a.b.c'],
    ['a token of another issuer', otherIssuer()],
    ['an unknown key', `gk_${'A'.repeat(49)}`],
    ['a long token', `${'x'.repeat(40_000)}.${'x'.repeat(40_000)}`],
    ['control characters', 'a\u0000b'],
  ])('%s', async (_title, token) => {
    await expectInactive(token);
  });

  test('tokens of an ended session', async () => {
    const ada = await somebody(service);
    await logOut(service, ada.accessToken);
    await expectInactive(ada.accessToken);
    await expectInactive(ada.refreshToken);
  });

  test('tokens and keys of a disabled user', async () => {
    const ada = await somebody(service);
    const personal = await createKey(service, ada.accessToken);
    await service.database.query(`update users set status = 'DISABLED' where id = $1`, [
      ada.userId,
    ]);
    for (const token of [ada.accessToken, ada.refreshToken, personal.secret])
      await expectInactive(token);
  });

  test('a replaced refresh token, after the grace period', async () => {
    const ada = await somebody(service);
    await refresh(service, ada.refreshToken);
    expect((await introspect(ada.refreshToken)).body.active).toBe(true);
    await service.database.query(
      `update sessions set last_used_at = last_used_at - interval '31 seconds' where id = $1`,
      [sessionIdOf(ada.accessToken)],
    );
    await expectInactive(ada.refreshToken);
  });

  test('a revoked and an expired key, and a key of a disabled account', async () => {
    const other = await createServiceAccount(service, root.accessToken);
    const input = { serviceAccountId: other.id };
    const revoked = await createKey(service, root.accessToken, input);
    await revokeKey(service, root.accessToken, revoked.id);
    await expectInactive(revoked.secret);
    const expired = await createKey(service, root.accessToken, input);
    await service.database.query(
      `update api_keys set expires_at = now() - interval '1 second' where id = $1`,
      [expired.id],
    );
    await expectInactive(expired.secret);
    const disabled = await createKey(service, root.accessToken, input);
    await updateServiceAccount(service, root.accessToken, other.id, { isActive: false });
    await expectInactive(disabled.secret);
  });

  test('an expired access token', async () => {
    await using other = await startService({ environment: { ACCESS_TOKEN_TTL: '60' } });
    const admin = await superuser(other);
    const account = await createServiceAccount(other, admin.accessToken);
    const { secret } = await createKey(other, admin.accessToken, { serviceAccountId: account.id });
    other.advance(70);
    const { body } = await oauth(other, 'introspect', {
      basic: [account.clientId, secret],
      form: { token: admin.accessToken },
    });
    expect(body).toEqual({ active: false });
  });
});

describe('callers', () => {
  const form = { token: 'x' };

  test('client_secret_post, a bearer key and a bearer access token are accepted', async () => {
    const { body } = await oauth(service, 'token', {
      basic: [robot.clientId, key.secret],
      form: { grant_type: 'client_credentials' },
    });
    const answers = [
      await oauth(service, 'introspect', {
        form: { ...form, client_id: robot.clientId, client_secret: key.secret },
      }),
      ...[key.secret, body.access_token].map((token) =>
        oauth(service, 'introspect', { form, headers: { authorization: `Bearer ${token}` } }),
      ),
    ];
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject(inactive);
    }
  });

  test('without credentials it is invalid_client, with wrong ones too', async () => {
    const challenge = 'Basic realm="gatehouse"';
    const inBody = { ...form, client_id: robot.clientId, client_secret: 'wrong' };
    const answers = [
      [await oauth(service, 'introspect', { form }), challenge],
      [await oauth(service, 'introspect', { form: {} }), challenge],
      [await oauth(service, 'introspect', { basic: [robot.clientId, 'wrong'], form }), challenge],
      [await oauth(service, 'introspect', { form: { ...form, client_id: 'gatehouse' } }), null],
      [await oauth(service, 'introspect', { form: inBody }), null],
    ] as const;
    for (const [{ status, body, headers }, expected] of answers) {
      expect([status, body.error]).toEqual([401, 'invalid_client']);
      expect(headers.get('www-authenticate')).toBe(expected);
    }
  });

  test('an invalid bearer token is invalid_token, and a person insufficient_scope', async () => {
    const invalid = await oauth(service, 'introspect', {
      form,
      headers: { authorization: 'Bearer x.y.z' },
    });
    expect([invalid.status, invalid.body.error]).toEqual([401, 'invalid_token']);
    expect(invalid.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    const person = await oauth(service, 'introspect', {
      form: { token: root.accessToken },
      headers: { authorization: `Bearer ${root.accessToken}` },
    });
    expect([person.status, person.body]).toEqual([
      403,
      {
        error: 'insufficient_scope',
        error_description: 'Introspection is for service accounts.',
      },
    ]);
    expect(person.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope"');
  });

  test('a bearer token and credentials of a client at once are refused', async () => {
    const { status, body } = await oauth(service, 'introspect', {
      form: { ...form, client_id: robot.clientId, client_secret: key.secret },
      headers: { authorization: `Bearer ${key.secret}` },
    });
    expect([status, body.error]).toEqual([400, 'invalid_request']);
  });

  test('no token, GET and another content type are errors', async () => {
    const { status, body } = await introspect('');
    expect([status, body.error]).toEqual([400, 'invalid_request']);
    const get = await fetch(`${service.address}/oauth/introspect?token=x`);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
    const text = await oauth(service, 'introspect', {
      basic: [robot.clientId, key.secret],
      form,
      headers: { 'content-type': 'text/plain' },
    });
    expect([text.status, text.body.error]).toEqual([415, 'invalid_request']);
  });
});

/** A token that only its issuer could have signed. */
function otherIssuer(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = part({ alg: 'ES256', typ: 'at+jwt', kid: 'other' });
  const payload = part({ iss: 'https://other.example', sub: 'x', aud: 'http://auth.test' });
  return `${header}.${payload}.${'A'.repeat(86)}`;
}
