/** Published clients of OAuth 2.0 find the endpoints from the issuer, and use each of them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { superuser } from '../support/administrators.ts';
import { createKey, createServiceAccount, type ServiceAccount } from '../support/api-keys.ts';
import { canImport, python } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { installPackages } from '../support/install-packages.ts';
import { somebody } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';
import { isIn } from '../support/session-calls.ts';

let packages: string;
let load: NodeJS.Require;
let service: TestService;
let issuer: string;
let robot: ServiceAccount;
let secret: string;

beforeAll(async () => {
  const folder = fileURLToPath(new URL('./oauth', import.meta.url));
  packages = installPackages(folder);
  load = createRequire(`${packages}x.js`);
  const port = await freePort();
  issuer = `http://127.0.0.1:${port}`;
  service = await startService({ environment: { PORT: String(port), PUBLIC_URL: issuer } });
  const root = await superuser(service);
  robot = await createServiceAccount(service, root.accessToken, {
    permissions: ['shop.view_order'],
  });
  ({ secret } = await createKey(service, root.accessToken, { serviceAccountId: robot.id }));
}, 240_000);
afterAll(() => service.close());

for (const algorithm of ['oidc', 'oauth2']) {
  test(`openid-client uses every endpoint, after discovery by ${algorithm}`, async () => {
    const client = load('openid-client');
    const discover = (id: string, authentication: unknown) =>
      client.discovery(new URL(issuer), id, undefined, authentication, {
        algorithm,
        execute: [client.allowInsecureRequests],
      });
    for (const method of ['ClientSecretBasic', 'ClientSecretPost']) {
      const config = await discover(robot.clientId, client[method](secret));
      const granted = await client.clientCredentialsGrant(config, { scope: 'shop.view_order' });
      expect(granted).toMatchObject({ token_type: 'bearer', scope: 'shop.view_order' });
      expect(granted.expiresIn()).toBeGreaterThan(200);
      const state = await client.tokenIntrospection(config, granted.access_token);
      expect(state).toMatchObject({ active: true, sub: robot.id, client_id: robot.clientId });
      expect(await client.tokenIntrospection(config, 'unknown')).toEqual({ active: false });
      await expect(
        client.clientCredentialsGrant(config, { scope: 'shop.delete_order' }),
      ).rejects.toMatchObject({ error: 'invalid_scope', status: 400 });
    }
    const wrong = await discover(robot.clientId, client.ClientSecretBasic('wrong'));
    await expect(client.clientCredentialsGrant(wrong)).rejects.toMatchObject({ status: 401 });
    // Without a method openid-client sends a secret in the body.
    const wrongInBody = await client.discovery(
      new URL(issuer),
      robot.clientId,
      'wrong',
      undefined,
      {
        algorithm,
        execute: [client.allowInsecureRequests],
      },
    );
    await expect(client.clientCredentialsGrant(wrongInBody)).rejects.toMatchObject({
      error: 'invalid_client',
      status: 401,
    });

    const ada = await somebody(service);
    const ownClient = await discover('gatehouse', client.None());
    const tokens = await client.refreshTokenGrant(ownClient, ada.refreshToken);
    expect(await isIn(service, tokens.access_token)).toBe(true);
    await client.tokenRevocation(ownClient, tokens.refresh_token);
    expect(await isIn(service, tokens.access_token)).toBe(false);
    await expect(client.refreshTokenGrant(ownClient, tokens.refresh_token)).rejects.toMatchObject({
      error: 'invalid_grant',
      status: 400,
    });
  });
}

test('the client of docs/oauth.md gets a token, introspects it, and names the error', async () => {
  const text = blocksOf('docs/oauth.md').find(({ info }) => info === 'js openid-client')?.text;
  const directory = mkdtempSync(join(packages, 'recipe-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'client.mjs');
  writeFileSync(file, String(text).replace('http://localhost:4000', issuer));
  const client = load(file);
  const config = await client.discover(robot.clientId, secret);
  const { accessToken, seconds } = await client.getToken(config, 'shop.view_order');
  expect(seconds).toBeGreaterThan(200);
  expect(await client.isActive(config, accessToken)).toBe(true);
  expect(await client.isActive(config, `${accessToken}x`)).toBe(false);
  await expect(client.getToken(config, 'shop.delete_order')).rejects.toThrow('invalid_scope');
  const wrong = await client.discover(robot.clientId, 'wrong');
  await expect(client.getToken(wrong)).rejects.toThrow('no token: invalid_client');
});

test('oauth4webapi accepts the metadata and every answer', async () => {
  const oauth = load('oauth4webapi');
  const options = { [oauth.allowInsecureRequests]: true };
  const url = new URL(issuer);
  const as = await oauth.processDiscoveryResponse(
    url,
    await oauth.discoveryRequest(url, { ...options, algorithm: 'oauth2' }),
  );
  const client = { client_id: robot.clientId };
  const authentication = oauth.ClientSecretBasic(secret);
  const granted = await oauth.processClientCredentialsResponse(
    as,
    client,
    await oauth.clientCredentialsGrantRequest(as, client, authentication, {}, options),
  );
  const request = new Request('https://api.example/', {
    headers: { authorization: `Bearer ${granted.access_token}` },
  });
  const claims = await oauth.validateJwtAccessToken(as, request, issuer, options);
  expect(claims).toMatchObject({ sub: robot.id, client_id: robot.clientId });
  const state = await oauth.processIntrospectionResponse(
    as,
    client,
    await oauth.introspectionRequest(as, client, authentication, granted.access_token, options),
  );
  expect(state).toMatchObject({ active: true, jti: claims.jti, scope: 'shop.view_order' });

  const own = { client_id: 'gatehouse' };
  const ada = await somebody(service);
  const tokens = await oauth.processRefreshTokenResponse(
    as,
    own,
    await oauth.refreshTokenGrantRequest(as, own, oauth.None(), ada.refreshToken, options),
  );
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(as, own, oauth.None(), tokens.refresh_token, options),
  );
  expect(await isIn(service, tokens.access_token)).toBe(false);
  await expect(
    oauth
      .refreshTokenGrantRequest(as, own, oauth.None(), tokens.refresh_token, options)
      .then((response: Response) => oauth.processRefreshTokenResponse(as, own, response)),
  ).rejects.toMatchObject({ error: 'invalid_grant' });
});

test('@badgateway/oauth2-client discovers, and gets, introspects, refreshes and revokes tokens', async () => {
  const { OAuth2Client } = load('@badgateway/oauth2-client');
  const client = new OAuth2Client({
    server: issuer,
    discoveryEndpoint: '/.well-known/oauth-authorization-server',
    clientId: robot.clientId,
    clientSecret: secret,
  });
  const { accessToken, refreshToken } = await client.clientCredentials();
  expect(refreshToken).toBeNull();
  expect(await client.introspect({ accessToken })).toMatchObject({ active: true, sub: robot.id });

  const own = new OAuth2Client({ server: issuer, clientId: 'gatehouse' });
  const ada = await somebody(service);
  const tokens = await own.refreshToken(ada);
  expect(await isIn(service, tokens.accessToken)).toBe(true);
  await own.revoke(tokens);
  expect(await isIn(service, tokens.accessToken)).toBe(false);
});

test('simple-oauth2 gets a token of a service account', async () => {
  const { ClientCredentials } = load('simple-oauth2');
  const settings = { tokenHost: issuer, tokenPath: '/oauth/token' };
  const client = new ClientCredentials({
    client: { id: robot.clientId, secret },
    auth: settings,
  });
  const { token } = await client.getToken({ scope: 'shop.view_order' });
  expect(token).toMatchObject({ token_type: 'Bearer', scope: 'shop.view_order' });
  const wrong = new ClientCredentials({
    client: { id: robot.clientId, secret: 'wrong' },
    auth: settings,
  });
  await expect(wrong.getToken({})).rejects.toMatchObject({ output: { statusCode: 401 } });
});

describe.each([
  ['requests-oauthlib', 'requests_oauthlib', 'python3-requests-oauthlib'],
  ['Authlib', 'authlib', 'python3-authlib'],
])('in Python %s', (library, module, debianPackage) => {
  const isInstalled = canImport(module, debianPackage) && canImport('requests', 'python3-requests');
  if (!isInstalled) console.warn(`skipped: ${debianPackage} is not there and cannot be installed`);

  test.skipIf(!isInstalled)(
    'gets a token of a service account and refreshes a session',
    async () => {
      const { refreshToken } = await somebody(service);
      const script = fileURLToPath(new URL('./oauth/clients.py', import.meta.url));
      const running = promisify(execFile)(python, [script, library]);
      running.child.stdin?.end(
        JSON.stringify({ issuer, clientId: robot.clientId, secret, refreshToken }),
      );
      const { granted, refreshed } = JSON.parse((await running).stdout);
      expect(granted).toMatchObject({ token_type: 'Bearer', access_token: expect.any(String) });
      expect(await isIn(service, refreshed.access_token)).toBe(true);
    },
  );
});
