/** XOAUTH2 at a mail server, and the endpoint of its access tokens. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { createServerCertificate } from '../support/certificates.ts';
import { type MailServerOptions, startMailServer } from '../support/mail-server.ts';
import { createTestMailer, letter, sendOne } from '../support/mailer.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { startTokenEndpoint } from '../support/token-endpoint.ts';
import { until } from '../support/until.ts';

const directory = makeScratchDirectory('oauth2');
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const certificates = createServerCertificate(directory, ['127.0.0.1']);
const [user, accessToken] = ['mailer@example.com', 'ya29.a-token-of-this-test-only'];

/** Accepts a login by XOAUTH2 with that token. */
const oauth2: MailServerOptions = {
  key: certificates.key,
  cert: certificates.certificate,
  disabledCommands: [],
  authOptional: false,
  authMethods: ['XOAUTH2'],
  onAuth: (auth, _session, done) =>
    done(null, auth.accessToken === accessToken ? { user: auth.username ?? '' } : undefined),
};

describe.concurrent('XOAUTH2', () => {
  const trusting = { EMAIL_CA_FILE: certificates.caFile, EMAIL_HOST_USER: user };

  test('an access token logs in', async () => {
    const environment = { ...trusting, EMAIL_OAUTH2_ACCESS_TOKEN: accessToken };
    expect((await sendOne(directory, oauth2, environment))?.client).toMatchObject({
      user,
      isSecure: true,
    });
  });

  test('a refused access token is redacted in the error', async () => {
    const environment = { ...trusting, EMAIL_OAUTH2_ACCESS_TOKEN: 'another-token-0123456789' };
    const quoting: MailServerOptions = {
      ...oauth2,
      onAuth: (auth, _session, done) => done(new Error(`not ${auth.accessToken}`)),
    };
    const error = await sendOne(directory, quoting, environment).catch((error: Error) => error);
    expect(String(error)).toMatch(/The mail server is unavailable: .*not \[secret\]/);
  });

  test('a refresh token gets one access token for many mails, and a new one after a refusal', async () => {
    const endpoint = await startTokenEndpoint(['expired-token-0123456789', accessToken]);
    const server = await startMailServer(oauth2);
    const environment = {
      ...trusting,
      EMAIL_OAUTH2_CLIENT_ID: 'client',
      EMAIL_OAUTH2_CLIENT_SECRET: 'client secret',
      EMAIL_OAUTH2_REFRESH_TOKEN: 'refresh token',
      EMAIL_OAUTH2_TOKEN_URL: endpoint.url,
    };
    const mailer = createTestMailer({ server, directory, environment });
    for (const messageKey of ['1', '2', '3']) await mailer.send(letter, { messageKey });
    mailer.close();
    expect(server.mails.map(({ client }) => client.user)).toEqual([user, user, user]);
    const asked = {
      grant_type: 'refresh_token',
      client_id: 'client',
      client_secret: 'client secret',
      refresh_token: 'refresh token',
    };
    expect(endpoint.requests).toEqual([asked, asked]);
    await server.close();
    await endpoint.close();
  });

  test('an error of the token endpoint is reported without secrets', async () => {
    const endpoint = await startTokenEndpoint([]);
    const environment = {
      ...trusting,
      EMAIL_OAUTH2_CLIENT_ID: 'client',
      EMAIL_OAUTH2_REFRESH_TOKEN: 'refresh-token-0123456789',
      EMAIL_OAUTH2_TOKEN_URL: endpoint.url,
    };
    const error = await sendOne(directory, oauth2, environment).catch((error: Error) => error);
    await endpoint.close();
    expect(String(error)).toMatch(/answered 400 invalid_grant: \[secret\] was revoked/);
  });
});

describe('a token endpoint', () => {
  const environment = {
    EMAIL_CA_FILE: certificates.caFile,
    EMAIL_HOST_USER: user,
    EMAIL_OAUTH2_CLIENT_ID: 'client',
    EMAIL_OAUTH2_REFRESH_TOKEN: 'refresh token',
  };

  /** Tries to send one mail with a token of that endpoint, and returns the error. */
  async function sendWith(url: string): Promise<unknown> {
    const server = await startMailServer(oauth2);
    const variables = { ...environment, EMAIL_OAUTH2_TOKEN_URL: url };
    const mailer = createTestMailer({ server, directory, environment: variables, timeoutMs: 500 });
    const error = await mailer.send(letter, { messageKey: 'key-1' }).catch((error: Error) => error);
    mailer.close();
    await server.close();
    return error;
  }

  test('that redirects does not get the refresh token at the new address', async () => {
    const elsewhere = await startTokenEndpoint([accessToken]);
    const redirecting = createServer((_request, response) => {
      response.writeHead(307, { location: elsewhere.url }).end();
    });
    await once(redirecting.listen(0, '127.0.0.1'), 'listening');
    const { port } = redirecting.address() as AddressInfo; // listens on TCP
    const error = await sendWith(`http://127.0.0.1:${port}/token`);
    redirecting.close();
    await elsewhere.close();
    expect(String(error)).toMatch(/no answer from the token endpoint .*redirect/);
    expect(elsewhere.requests).toEqual([]);
  });

  test('that is silent times out, and is used again for the next mail', async () => {
    let requests = 0;
    const silentOnce = createServer((_request, response) => {
      requests += 1;
      if (requests > 1) response.end(JSON.stringify({ access_token: accessToken }));
    });
    await once(silentOnce.listen(0, '127.0.0.1'), 'listening');
    const { port } = silentOnce.address() as AddressInfo; // listens on TCP
    const url = `http://127.0.0.1:${port}/token`;
    const server = await startMailServer(oauth2);
    const variables = { ...environment, EMAIL_OAUTH2_TOKEN_URL: url };
    const mailer = createTestMailer({ server, directory, environment: variables, timeoutMs: 500 });
    const send = () => mailer.send(letter, { messageKey: 'key-1' });
    await expect(send()).rejects.toThrow(/is unavailable/);
    await until(() =>
      send().then(
        () => true,
        () => false,
      ),
    );
    mailer.close();
    await server.close();
    silentOnce.closeAllConnections();
    silentOnce.close();
    expect(requests).toBe(2);
    expect(server.mails).toHaveLength(1);
  });
});
