/** The metadata documents (RFC 8414, OpenID Connect Discovery). */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { PUBLIC_URL: 'http://localhost:4000/' } });
});
afterAll(() => service.close());

const documentAt = async (path: string) => {
  const response = await fetch(`${service.address}${path}`);
  return { type: response.headers.get('content-type'), body: JSON.parse(await response.text()) };
};

test('both documents are the same and name the endpoints below the issuer', async () => {
  const { type, body } = await documentAt('/.well-known/openid-configuration');
  expect(type).toBe('application/json; charset=utf-8');
  expect(await documentAt('/.well-known/oauth-authorization-server')).toEqual({ type, body });
  const issuer = 'http://localhost:4000';
  expect(body).toMatchObject({
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    token_endpoint: `${issuer}/oauth/token`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    response_types_supported: [],
    subject_types_supported: ['public'],
  });
});

test('every endpoint of the document exists, and every grant type is supported', async () => {
  const { body } = await documentAt('/.well-known/openid-configuration');
  const urls = Object.entries<string>(body)
    .filter(([name]) => /_(endpoint|uri)$/.test(name))
    .map(([, url]) => new URL(url).pathname);
  for (const path of urls) {
    const { status } = await fetch(`${service.address}${path}`, { method: 'OPTIONS' });
    expect([path, status]).toEqual([path, 204]);
  }
  for (const grant of body.grant_types_supported) {
    const response = await fetch(`${service.address}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: grant }),
    });
    expect(await response.json()).not.toMatchObject({ error: 'unsupported_grant_type' });
  }
});

test('the algorithms are those of the published keys', async () => {
  const { body } = await documentAt('/.well-known/openid-configuration');
  const { body: jwks } = await documentAt('/.well-known/jwks.json');
  const algorithms = new Set(jwks.keys.map(({ alg }: { alg: string }) => alg));
  expect(new Set(body.id_token_signing_alg_values_supported)).toEqual(algorithms);
  expect(algorithms.size).toBeGreaterThan(0);
});
