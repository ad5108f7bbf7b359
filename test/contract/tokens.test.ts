/** Forged, misplaced and expired tokens: every one is 401 or INVALID_TOKEN, and none is an unexpected error. */
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  assemble,
  type OwnKey,
  ownKeyOf,
  partsOf,
  sign,
  type TokenDeps,
} from '../support/forge.ts';
import { type Login, register, somebody, tryLogin } from '../support/people.ts';
import { rawRequest } from '../support/raw-request.ts';
import { expectRefusal, internals } from '../support/refusals.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
let ada: Login & { readonly email: string; readonly userId: string };
let own: OwnKey;
/** A valid token; each forgery changes one part of it. */
let good: TokenDeps;
/** A key pair of the attacker, of the same kind as ours. */
let attackerKey: { readonly publicKey: CryptoKey; readonly privateKey: CryptoKey };

beforeAll(async () => {
  service = await startService();
  ada = await somebody(service);
  own = await ownKeyOf(service);
  good = partsOf(ada.accessToken);
  attackerKey = await generateKeyPair('ES256', { extractable: true });
});
afterAll(() => service.close());

type Forgery = () => Promise<string> | string;

const withHeader = (header: object): TokenDeps => ({
  ...good,
  header: { ...good.header, ...header },
});
const withPayload = (payload: object): TokenDeps => ({
  ...good,
  payload: { ...good.payload, ...payload },
});
const now = () => Math.floor(Date.now() / 1000);

async function expectUnauthenticated(token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const rest = await rawRequest(service.address, ['GET', '/auth/profile/view/'], { headers });
  expectRefusal(rest, 'UNAUTHENTICATED');
  expect(rest.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
  const graphql = await rawRequest(service.address, ['POST', '/graphql'], {
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ me { id } }' }),
  });
  expect(graphql.status).toBe(401);
  expect(graphql.text).not.toMatch(internals);
  expect(JSON.parse(graphql.text).errors[0].extensions).toEqual({ code: 'UNAUTHENTICATED' });
}

test('the token without a forgery is valid', async () => {
  const token = await sign(good, own.privateKey);
  expect((await service.rest('GET', '/profile/view/', { token })).status).toBe(200);
  expect(good.header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: own.keyId });
  expect(good.payload).toMatchObject({ iss: 'http://auth.test', aud: 'http://auth.test' });
  expect(Number(good.payload.exp) - Number(good.payload.iat)).toBeLessThanOrEqual(900);
  expect(JSON.stringify(good.payload)).not.toContain(ada.email);
});

test('a token from before client_id, jti, auth_time and amr were added is accepted until it expires', async () => {
  const { client_id: _client, jti: _id, auth_time: _at, amr: _how, ...payload } = good.payload;
  const token = await sign({ ...good, payload }, own.privateKey);
  expect((await service.rest('GET', '/profile/view/', { token })).status).toBe(200);
  const expired = { ...payload, exp: now() - 1 };
  await expectUnauthenticated(await sign({ ...good, payload: expired }, own.privateKey));
});

/** The token with one changed character in the middle of one part. */
function flipped(token: string, part: 0 | 1 | 2): string {
  const parts = token.split('.');
  const text = parts[part] ?? '';
  const at = Math.floor(text.length / 2);
  parts[part] = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  return parts.join('.');
}

const spkiOf = (jwk: object) => createPublicKey({ key: { ...jwk }, format: 'jwk' });
const bytesOf = (text: string | Buffer) => new Uint8Array(Buffer.from(text));
const hs256 = (key: () => string | Buffer) => () =>
  sign(withHeader({ alg: 'HS256' }), bytesOf(key()));
const unsigned = (alg: string) => () => assemble(withHeader({ alg }));

const signatures: Readonly<Record<string, Forgery>> = {
  'a changed header': () => flipped(ada.accessToken, 0),
  'a changed payload': () => flipped(ada.accessToken, 1),
  'a changed signature': () => flipped(ada.accessToken, 2),
  'no signature': () => ada.accessToken.replace(/[^.]*$/, ''),
  'a signature of zeros': () => assemble(good, 'A'.repeat(86)),
  'half a signature': () => ada.accessToken.slice(0, -43),
  'alg none': unsigned('none'),
  'alg None': unsigned('None'),
  'alg nOnE': unsigned('nOnE'),
  'alg NONE': unsigned('NONE'),
  'no alg': () => assemble(withHeader({ alg: undefined })),
  'alg null': () => assemble(withHeader({ alg: null }), 'A'.repeat(86)),
  'an array for alg': () => assemble(withHeader({ alg: ['ES256'] }), 'A'.repeat(86)),
  'HS256 with the bytes of our public key': hs256(() =>
    Buffer.from(own.publicJwk.x ?? '', 'base64url'),
  ),
  'HS256 with our public key as JWK': hs256(() => JSON.stringify(own.publicJwk)),
  'HS256 with our public key as PEM': hs256(() =>
    spkiOf(own.publicJwk).export({ format: 'pem', type: 'spki' }),
  ),
  'HS256 with our public key as DER': hs256(() =>
    spkiOf(own.publicJwk).export({ format: 'der', type: 'spki' }),
  ),
  'HS256 without a key': () => assemble(withHeader({ alg: 'HS256' }), 'A'.repeat(43)),
  'an empty signature of DER': () =>
    assemble(good, Buffer.from('3000', 'hex').toString('base64url')),
  'EdDSA with a signature of zeros': () => assemble(withHeader({ alg: 'EdDSA' }), 'A'.repeat(86)),
  'EdDSA with a key of the attacker': async () =>
    sign(withHeader({ alg: 'EdDSA' }), (await generateKeyPair('EdDSA')).privateKey),
  'ES384 with a key of the attacker': async () =>
    sign(withHeader({ alg: 'ES384' }), (await generateKeyPair('ES384')).privateKey),
  'RS256 with a key of the attacker': async () =>
    sign(withHeader({ alg: 'RS256' }), (await generateKeyPair('RS256')).privateKey),
  'a key of the attacker under our key id': () => sign(good, attackerKey.privateKey),
};

const keyHints: Readonly<Record<string, Forgery>> = {
  'its key in the header': async () =>
    sign(withHeader({ jwk: await exportJWK(attackerKey.publicKey) }), attackerKey.privateKey),
  'its key in the header and no key id': async () =>
    sign(
      withHeader({ jwk: await exportJWK(attackerKey.publicKey), kid: undefined }),
      attackerKey.privateKey,
    ),
  'an address of its key': () =>
    sign(withHeader({ jku: `${service.address}/jwks.json` }), attackerKey.privateKey),
  'an address of its certificate': () =>
    sign(withHeader({ x5u: `${service.address}/x5u.pem` }), attackerKey.privateKey),
  'a certificate': () => sign(withHeader({ x5c: ['MIIB'] }), attackerKey.privateKey),
  'an unknown key id': () => sign(withHeader({ kid: randomUUID() }), own.privateKey),
  'no key id': () => sign(withHeader({ kid: undefined }), own.privateKey),
  'an empty key id': () => sign(withHeader({ kid: '' }), own.privateKey),
  'a path for a key id': () => sign(withHeader({ kid: '../../../dev/null' }), own.privateKey),
  'SQL for a key id': () => sign(withHeader({ kid: `${own.keyId}' or '1'='1` }), own.privateKey),
  '__proto__ for a key id': () => sign(withHeader({ kid: '__proto__' }), own.privateKey),
  'a number for a key id': () => assemble(withHeader({ kid: 7 }), 'A'.repeat(86)),
  'an object for a key id': () => assemble(withHeader({ kid: { $ne: '' } }), 'A'.repeat(86)),
  'a critical extension': () =>
    assemble(withHeader({ crit: ['x'], x: true }), ada.accessToken.split('.')[2]),
};

const claims: Readonly<Record<string, () => TokenDeps>> = {
  'typ JWT': () => withHeader({ typ: 'JWT' }),
  'typ of a refresh token': () => withHeader({ typ: 'rt+jwt' }),
  'no typ': () => withHeader({ typ: undefined }),
  'another issuer': () => withPayload({ iss: 'http://auth.test.evil.example' }),
  'no issuer': () => withPayload({ iss: undefined }),
  'another audience': () => withPayload({ aud: 'http://other.test' }),
  'no audience': () => withPayload({ aud: undefined }),
  'an end in the past': () => withPayload({ exp: now() - 1 }),
  'an end right now': () => withPayload({ exp: now() }),
  'no end': () => withPayload({ exp: undefined }),
  'a text for an end': () => withPayload({ exp: String(now() + 100) }),
  'a fraction for an end': () => withPayload({ exp: now() + 100.5 }),
  'an end out of range': () => withPayload({ exp: 1e99 }),
  'no time of issue': () => withPayload({ iat: undefined }),
  'a beginning in the future': () => withPayload({ nbf: now() + 100 }),
  'no user': () => withPayload({ sub: undefined }),
  'another user': () => withPayload({ sub: randomUUID() }),
  'a number for a user': () => withPayload({ sub: 7 }),
  'no session': () => withPayload({ sid: undefined }),
  'another session': () => withPayload({ sid: randomUUID() }),
  'a session that is no id': () => withPayload({ sid: "x' or '1'='1" }),
  'NUL in a session': () => withPayload({ sid: 'a\u0000b' }),
  'more than 4096 characters': () => withPayload({ more: 'x'.repeat(2900) }),
  'the client of a service account': () => withPayload({ client_id: 'orders' }),
  'a number for a client': () => withPayload({ client_id: 7 }),
  'null for a client': () => withPayload({ client_id: null }),
  'an array of sessions': () => withPayload({ sid: [good.payload.sid] }),
};

const texts: Readonly<Record<string, Forgery>> = {
  nothing: () => '',
  spaces: () => '   ',
  'two words': () => `${ada.accessToken} ${ada.accessToken}`,
  'three dots': () => '...',
  '8,000 dots': () => '.'.repeat(8_000),
  '8,000 characters': () => 'a'.repeat(8_000),
  'null in base64url': () => 'bnVsbA.bnVsbA.bnVsbA',
  'letters beyond ASCII': () => 'tök\u00e9n.\u00ff.\u00fe',
  'a refresh token': () => ada.refreshToken,
  'a verification code': async () => (await register(service)).code,
  'its own five parts': () => `${ada.accessToken}.a.b`,
};

describe('an access token is refused', () => {
  test.each(Object.entries(signatures))('with %s', async (_what, forge) => {
    await expectUnauthenticated(await forge());
  });

  test.each(Object.entries(keyHints))('with %s', async (_what, forge) => {
    await expectUnauthenticated(await forge());
  });

  test.each(Object.entries(claims))('with %s, though we signed it', async (_what, parts) => {
    await expectUnauthenticated(await sign(parts(), own.privateKey));
  });

  test.each(Object.entries(texts))('that is %s', async (_what, forge) => {
    await expectUnauthenticated(await forge());
  });

  test('of a megabyte, before it is read, and the next request succeeds', async () => {
    const headers = { authorization: `Bearer ${'a'.repeat(1_000_000)}` };
    const response = await rawRequest(service.address, ['GET', '/auth/profile/view/'], { headers });
    expect([0, 400, 401, 431]).toContain(response.status);
    const next = await service.rest('GET', '/profile/view/', { token: ada.accessToken });
    expect(next.status).toBe(200);
  });

  test('of another service with a key of the same kind', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = await crypto.subtle.importKey(
      'pkcs8',
      new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' })),
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['sign'],
    );
    await expectUnauthenticated(await sign(good, key));
  });

  test('when its user has been disabled, at once', async () => {
    const bob = await somebody(service);
    await service.database.query("update users set status = 'DISABLED' where id = $1", [
      bob.userId,
    ]);
    await expectUnauthenticated(bob.accessToken);
  });

  test('and no token is logged, and no error is unexpected', () => {
    const [, payload = '', signature = ''] = ada.accessToken.split('.');
    const leaks = service.logLines.filter((line) =>
      [payload, signature, ada.refreshToken, 'unexpected error'].some((it) => line.includes(it)),
    );
    expect(leaks.map((line) => line.slice(0, 300))).toEqual([]);
  });
});

describe('a refresh token is refused', () => {
  const end = (refreshToken: string, token = ada.accessToken) =>
    service.graphql(
      `mutation ($refreshToken: String) {
        result: logout(refreshToken: $refreshToken) { __typename ... on Problem { code fields { path } } }
      }`,
      { refreshToken },
      token,
    );

  const forgeries: Readonly<Record<string, Forgery>> = {
    'an access token': () => ada.accessToken.slice(-86),
    'a changed session id': () =>
      `${ada.refreshToken[0] === 'A' ? 'B' : 'A'}${ada.refreshToken.slice(1)}`,
    'a changed counter': () => changedAt(ada.refreshToken, 24),
    'a changed signature': () => changedAt(ada.refreshToken, 40),
    'one character less': () => ada.refreshToken.slice(0, -1),
    'one character more': () => `${ada.refreshToken}A`,
    padding: () => `${ada.refreshToken}=`,
    'the other alphabet': () => `${ada.refreshToken.slice(0, -2)}+/`,
    zeros: () => 'A'.repeat(48),
    'a session id alone': () => String(good.payload.sid),
    SQL: () => "' or '1'='1",
    'the token of another user': async () => (await somebody(service)).refreshToken,
    'a verification code': async () => (await register(service)).code,
  };

  const changedAt = (text: string, at: number) =>
    `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;

  test.each(Object.entries(forgeries))('when it is %s', async (_what, forge) => {
    const token = await forge();
    const { data } = await end(token);
    expect(data.result).toEqual({ __typename: 'Problem', code: 'INVALID_TOKEN', fields: [] });
    const rest = await service.rest('POST', '/logout/', {
      json: { refresh_token: token },
      token: ada.accessToken,
    });
    expectRefusal(rest, 'INVALID_TOKEN');
  });

  test('when it is a whole access token', async () => {
    const { data } = await end(ada.accessToken);
    expect(data.result.__typename).toBe('Problem');
    expect(['INVALID_TOKEN', 'VALIDATION_FAILED']).toContain(data.result.code);
  });

  test('and the session of the request stays valid', async () => {
    expect((await service.rest('GET', '/profile/view/', { token: ada.accessToken })).status).toBe(
      200,
    );
  });

  test('while the right one revokes its session, and no other one', async () => {
    const other = await tryLogin(service, ada.email);
    const { data } = await end(other.refreshToken);
    expect(data.result).toEqual({ __typename: 'Acknowledgement' });
    await expectUnauthenticated(other.accessToken);
    expect((await service.rest('GET', '/profile/view/', { token: ada.accessToken })).status).toBe(
      200,
    );
  });
});

// Last: it moves the clock.
test('an access token expires, and an expired one is UNAUTHENTICATED', async () => {
  const fresh = await tryLogin(service, ada.email);
  service.advance(280);
  expect((await service.rest('GET', '/profile/view/', { token: fresh.accessToken })).status).toBe(
    200,
  );
  service.advance(21);
  await expectUnauthenticated(fresh.accessToken);
});
