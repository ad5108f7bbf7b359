/** Access tokens: the conditions under which each is accepted (RFC 8725, RFC 9068). */
import { decodeJwt, decodeProtectedHeader, exportJWK, importPKCS8, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type NewAccessToken,
  signAccessToken,
  type Verification,
  verifyAccessToken,
} from '../../src/crypto/access-token.ts';
import { accessTokenAlgorithms } from '../../src/crypto/access-token-algorithms.ts';
import {
  generateSigningKey,
  importPrivateKey,
  importPublicKey,
  publicMembersOf,
  type SigningKey,
  type VerifyingKey,
} from '../../src/crypto/access-token-keys.ts';

const issuer = 'https://auth.example.com';
const now = new Date('2026-11-28T12:00:00.500Z');
const content = { userId: 'user 1', sessionId: 'session 1', clientId: 'gatehouse' };
const login = { at: new Date('2026-11-28T11:00:00.900Z'), methods: ['pwd'] };
const signing = { issuer, audience: [issuer], now, ttlSeconds: 300 };

let key: SigningKey;
let publicKey: VerifyingKey;
beforeAll(async () => {
  const { publicJwk, privatePem } = await generateSigningKey('ES256');
  key = { keyId: 'key 1', privateKey: await importPrivateKey(privatePem, publicJwk) };
  publicKey = await importPublicKey(publicJwk);
});

const issue = (changes: Partial<NewAccessToken> = {}, by: Partial<typeof signing> = {}) =>
  signAccessToken(
    { ...content, tokenId: 'token 1', login, ...changes },
    { key, ...signing, ...by },
  );
const verify = (token: string, against: Partial<Verification> = {}) =>
  verifyAccessToken(token, {
    keyOf: () => publicKey,
    issuer,
    audience: [issuer],
    now,
    ...against,
  });
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);

test('a token has the claims of RFC 9068', async () => {
  const claims = {
    iss: issuer,
    sub: 'user 1',
    aud: issuer,
    client_id: 'gatehouse',
    jti: 'token 1',
    sid: 'session 1',
    iat: Date.parse('2026-11-28T12:00:00Z') / 1000,
    exp: Date.parse('2026-11-28T12:05:00Z') / 1000,
  };
  const ofUser = { auth_time: Date.parse('2026-11-28T11:00:00Z') / 1000, amr: ['pwd'] };
  expect(decodeJwt((await issue()).token)).toEqual({ ...claims, ...ofUser });
  const { login: _, ...ofService } = { ...content, tokenId: 'token 1', login };
  const { token } = await signAccessToken(ofService, { key, ...signing });
  expect(decodeJwt(token)).toEqual(claims);
});

test('several audiences are an array, and a verifier accepts its own among them', async () => {
  const audience = ['https://api.example.com', issuer];
  const { token } = await issue({}, { audience });
  expect(decodeJwt(token).aud).toEqual(audience);
  expect(await verify(token)).toMatchObject(content);
  expect(await verify(token, { audience: ['https://other.example', issuer] })).toBeDefined();
  expect(await verify(token, { audience: ['https://other.example'] })).toBeUndefined();
});

test('a token has its user and session until it expires, to the second', async () => {
  const signed = await issue();
  expect(signed.expiresAt).toEqual(new Date('2026-11-28T12:05:00Z'));
  expect(await verify(signed.token)).toEqual({ ...content, expiresAt: signed.expiresAt });
  expect(await verify(signed.token, { now: later(299) })).toMatchObject(content);
  expect(await verify(signed.token, { now: later(300) })).toBeUndefined();
});

test('a token of another issuer or another key is invalid', async () => {
  const { token } = await issue();
  expect(await verify(token, { issuer: 'https://elsewhere.example' })).toBeUndefined();
  const other = await importPublicKey((await generateSigningKey('ES256')).publicJwk);
  expect(await verify(token, { keyOf: () => other })).toBeUndefined();
  const unknown = () => {
    throw new Error('no such key');
  };
  expect(await verify(token, { keyOf: unknown })).toBeUndefined();
});

describe.each(accessTokenAlgorithms)('a key for %s', (algorithm) => {
  test('signs tokens of its algorithm, and verifies no other', async () => {
    const { publicJwk, privatePem } = await generateSigningKey(algorithm);
    const privateKey = await importPrivateKey(privatePem, publicJwk);
    const { token } = await signAccessToken(
      { ...content, tokenId: 'token 1' },
      { key: { keyId: 'key 2', privateKey }, ...signing },
    );
    expect(decodeProtectedHeader(token)).toEqual({ alg: algorithm, typ: 'at+jwt', kid: 'key 2' });
    const ownKey = await importPublicKey(publicJwk);
    expect(await verify(token, { keyOf: () => ownKey })).toMatchObject(content);
    for (const other of accessTokenAlgorithms) {
      const { publicJwk: otherJwk } = await generateSigningKey(other);
      const otherKey = await importPublicKey(otherJwk);
      expect(await verify(token, { keyOf: () => otherKey })).toBeUndefined();
    }
  });

  test('is published without its private members', async () => {
    const { publicJwk, privatePem } = await generateSigningKey(algorithm);
    const privateJwk = await exportJWK(
      await importPKCS8(privatePem, algorithm, { extractable: true }),
    );
    expect(publicMembersOf({ ...privateJwk, ...publicJwk })).toEqual({
      ...publicJwk,
      use: 'sig',
      alg: algorithm,
    });
    expect(publicJwk).not.toHaveProperty('d');
  });
});

test('an RSA key has 2048 bits', async () => {
  const { publicJwk } = await generateSigningKey('RS256');
  expect(Buffer.from(publicJwk.n ?? '', 'base64url')).toHaveLength(2048 / 8);
});

test('RSA keys are generated outside of the event loop', async () => {
  const before = performance.eventLoopUtilization();
  for (let round = 0; round < 5; round += 1) await generateSigningKey('RS256');
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
});

describe('further claims', () => {
  const groups = (count: number) => Array.from({ length: count }, (_, index) => `Group ${index}`);

  test('are in the token, if they fit', async () => {
    const furtherClaims = { email: 'ada@example.com', groups: groups(3) };
    const { token } = await issue({ furtherClaims });
    expect(decodeJwt(token)).toMatchObject(furtherClaims);
    expect(decodeJwt(token)).not.toHaveProperty('omitted_claims');
    expect(await verify(token)).toMatchObject(content);
  });

  test('that do not fit into 4096 characters are left out whole, and named', async () => {
    const furtherClaims = {
      groups: groups(500),
      email: 'ada@example.com',
      permissions: groups(400),
    };
    const { token } = await issue({ furtherClaims });
    const claims = decodeJwt(token);
    expect(claims.email).toBe('ada@example.com');
    expect(claims.omitted_claims).toEqual(['groups', 'permissions']);
    expect(claims).not.toHaveProperty('groups');
    expect(claims).not.toHaveProperty('permissions');
  });

  test.each(accessTokenAlgorithms)(
    'keep a token with %s within 4096 characters',
    async (algorithm) => {
      const { publicJwk, privatePem } = await generateSigningKey(algorithm);
      const privateKey = await importPrivateKey(privatePem, publicJwk);
      const lengths: number[] = [];
      for (let count = 1; count < 3200; count += 7) {
        const furtherClaims = { username: 'ü'.repeat(3), groups: ['x'.repeat(count)] };
        const { token } = await signAccessToken(
          { ...content, tokenId: 'token 1', login, furtherClaims },
          { key: { keyId: 'key 1', privateKey }, ...signing },
        );
        if ('groups' in decodeJwt(token)) lengths.push(token.length);
      }
      expect(Math.max(...lengths)).toBeLessThanOrEqual(4096);
      expect(Math.max(...lengths)).toBeGreaterThan(4000);
    },
  );
});

describe('a token signed by our key is invalid', () => {
  const seconds = Math.floor(now.getTime() / 1000);
  const claims = { iss: issuer, aud: issuer, sub: 'u', sid: 's', iat: seconds, exp: seconds + 60 };
  const sign = (payload: object, typ = 'at+jwt') =>
    new SignJWT({ ...payload })
      .setProtectedHeader({ alg: 'ES256', typ, kid: 'key 1' })
      .sign(key.privateKey);

  test('unless all of its claims are valid', async () => {
    expect(await verify(await sign(claims))).toMatchObject({ userId: 'u', sessionId: 's' });
  });

  test('unless it is from before client_id was added: it belongs to a session', async () => {
    expect(await verify(await sign(claims))).toMatchObject({ clientId: 'gatehouse' });
    const ofService = await sign({ ...claims, client_id: 'orders' });
    expect(await verify(ofService)).toMatchObject({ clientId: 'orders' });
  });

  test.each(Object.keys(claims))('without %s', async (name) => {
    expect(await verify(await sign({ ...claims, [name]: undefined }))).toBeUndefined();
  });

  test.each([
    ['another audience', { aud: 'https://elsewhere.example' }],
    ['a number for a session', { sid: 7 }],
    ['a number for a client', { client_id: 7 }],
    ['null for a client', { client_id: null }],
    ['a fraction for an end', { exp: seconds + 0.5 }],
    ['a fraction for a time of issue', { iat: seconds - 0.5 }],
    ['a beginning in the future', { nbf: seconds + 10 }],
  ])('with %s', async (_what, changes) => {
    expect(await verify(await sign({ ...claims, ...changes }))).toBeUndefined();
  });

  test('of another type', async () => {
    expect(await verify(await sign(claims, 'JWT'))).toBeUndefined();
  });
});
