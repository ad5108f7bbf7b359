/** Access tokens: the conditions under which each is accepted (RFC 8725, RFC 9068). */
import { SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  generateSigningKey,
  importPrivateKey,
  importPublicKey,
  type SigningKey,
  signAccessToken,
  type VerifyingKey,
  verifyAccessToken,
} from '../../src/crypto/access-token.ts';

const issuer = 'https://auth.example.com';
const now = new Date('2026-11-28T12:00:00.500Z');
const content = { userId: 'user 1', sessionId: 'session 1' };

let key: SigningKey;
let publicKey: VerifyingKey;
beforeAll(async () => {
  const { publicJwk, privatePem } = await generateSigningKey();
  key = { keyId: 'key 1', privateKey: await importPrivateKey(privatePem) };
  publicKey = await importPublicKey(publicJwk);
});

const verify = (token: string, against: { readonly now?: Date; readonly issuer?: string } = {}) =>
  verifyAccessToken(token, { keyOf: () => publicKey, issuer, now, ...against });
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);

test('a token has its user and session until it expires, to the second', async () => {
  const signed = await signAccessToken(content, { key, issuer, now, ttlSeconds: 300 });
  expect(signed.expiresAt).toEqual(new Date('2026-11-28T12:05:00Z'));
  expect(await verify(signed.token)).toEqual({ ...content, expiresAt: signed.expiresAt });
  expect(await verify(signed.token, { now: later(299) })).toMatchObject(content);
  expect(await verify(signed.token, { now: later(300) })).toBeUndefined();
});

test('a token of another issuer or another key is invalid', async () => {
  const { token } = await signAccessToken(content, { key, issuer, now, ttlSeconds: 300 });
  expect(await verify(token, { issuer: 'https://elsewhere.example' })).toBeUndefined();
  const other = await importPublicKey((await generateSigningKey()).publicJwk);
  expect(await verifyAccessToken(token, { keyOf: () => other, issuer, now })).toBeUndefined();
  const unknown = () => {
    throw new Error('no such key');
  };
  expect(await verifyAccessToken(token, { keyOf: unknown, issuer, now })).toBeUndefined();
});

describe('a token signed by our key is invalid', () => {
  const seconds = Math.floor(now.getTime() / 1000);
  const claims = { iss: issuer, aud: issuer, sub: 'u', sid: 's', iat: seconds, exp: seconds + 60 };
  const sign = (payload: object, typ = 'at+jwt') =>
    new SignJWT({ ...payload })
      .setProtectedHeader({ alg: 'EdDSA', typ, kid: 'key 1' })
      .sign(key.privateKey);

  test('unless all of its claims are valid', async () => {
    expect(await verify(await sign(claims))).toMatchObject({ userId: 'u', sessionId: 's' });
  });

  test.each(Object.keys(claims))('without %s', async (name) => {
    expect(await verify(await sign({ ...claims, [name]: undefined }))).toBeUndefined();
  });

  test.each([
    ['another audience', { aud: 'https://elsewhere.example' }],
    ['a number for a session', { sid: 7 }],
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
