/** How mails reach a real SMTP server: TLS of both kinds, private authorities, logins, names, ids. */
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { createDevMailbox } from '../../src/mail/dev-mailbox.ts';
import { createMailer, type Mailer } from '../../src/mail/mailer.ts';
import { createLog } from '../../src/observability/log.ts';
import { makeCertificates } from '../support/certificates.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { until } from '../support/until.ts';

const directory = makeScratchDirectory('smtp');
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const certificates = makeCertificates(directory, ['127.0.0.1']);
const [user, accessToken] = ['mailer@example.com', 'ya29.a-token-that-nobody-else-has'];

type ServerOptions = Parameters<typeof startMailServer>[0];

/** Speaks TLS by STARTTLS; with `secure` from the start. */
const tls = { key: certificates.key, cert: certificates.certificate, disabledCommands: [] };
/** Takes a login by XOAUTH2 with that token. */
const oauth2: ServerOptions = {
  ...tls,
  authOptional: false,
  authMethods: ['XOAUTH2'],
  onAuth: (auth, _session, done) =>
    done(null, auth.accessToken === accessToken ? { user: auth.username ?? '' } : undefined),
};

interface Attempt {
  readonly server: MailServer;
  /** Milliseconds that a server may be silent. */
  readonly timeoutMs?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

function mailerFor({ server, environment = {}, timeoutMs = 5000 }: Attempt): Mailer {
  const variables = {
    EMAIL_HOST: '127.0.0.1',
    EMAIL_PORT: String(server.port),
    EMAIL_FROM: 'gatehouse@example.com',
    PUBLIC_URL: 'https://auth.example.com',
    ...environment,
  };
  const { mail, publicUrl } = readConfig(variables, directory);
  const log = createLog({ isReadable: false, level: 'silent' });
  return createMailer(mail, {
    mailbox: createDevMailbox(directory),
    publicUrl,
    log,
    timeoutMs,
  });
}

const letter = { to: 'ada@example.com', subject: 'Hello', text: 'Hello.', html: '<p>Hello.</p>' };

/** Sends one mail to a server of these options, and answers what arrived. */
async function sendOne(options: ServerOptions, environment: Attempt['environment'] = {}) {
  const server = await startMailServer(options);
  const mailer = mailerFor({ server, environment });
  try {
    await mailer.send(letter, { messageKey: 'key-1' });
    return server.mails[0];
  } finally {
    mailer.close();
    await server.close();
  }
}

describe.concurrent('TLS', () => {
  const trusting = { EMAIL_CA_FILE: certificates.caFile };
  const startTls: readonly [ServerOptions, Record<string, string>] = [tls, {}];
  const implicit: readonly [ServerOptions, Record<string, string>] = [
    { ...tls, secure: true },
    { EMAIL_USE_SSL: 'True' },
  ];

  test.each([
    ['STARTTLS', ...startTls],
    ['TLS from the start', ...implicit],
  ])('%s with a server of a private authority', async (_kind, options, environment) => {
    const mail = await sendOne(options, { ...environment, ...trusting });
    expect(mail?.client).toMatchObject({ isSecure: true });
    await expect(sendOne(options, environment)).rejects.toThrow(/certificate/);
  });

  test('a server without STARTTLS gets nothing', async () => {
    await expect(sendOne({}, trusting)).rejects.toThrow(/STARTTLS/);
  });
});

describe.concurrent('XOAUTH2', () => {
  const trusting = { EMAIL_CA_FILE: certificates.caFile, EMAIL_HOST_USER: user };

  test('an access token logs in', async () => {
    const environment = { ...trusting, EMAIL_OAUTH2_ACCESS_TOKEN: accessToken };
    expect((await sendOne(oauth2, environment))?.client).toMatchObject({ user, isSecure: true });
  });

  test('a wrong one is refused, and not in the words of the error', async () => {
    const environment = { ...trusting, EMAIL_OAUTH2_ACCESS_TOKEN: 'another-token-0123456789' };
    const quoting: ServerOptions = {
      ...oauth2,
      onAuth: (auth, _session, done) => done(new Error(`not ${auth.accessToken}`)),
    };
    const error = await sendOne(quoting, environment).catch((error: Error) => error);
    expect(String(error)).toMatch(/The mail server is unavailable: .*not \[secret\]/);
  });

  test('a refresh token gets access tokens, one for many mails, another when one is refused', async () => {
    const endpoint = await startTokenEndpoint(['expired-token-0123456789', accessToken]);
    const server = await startMailServer(oauth2);
    const environment = {
      ...trusting,
      EMAIL_OAUTH2_CLIENT_ID: 'client',
      EMAIL_OAUTH2_CLIENT_SECRET: 'client secret',
      EMAIL_OAUTH2_REFRESH_TOKEN: 'refresh token',
      EMAIL_OAUTH2_TOKEN_URL: endpoint.url,
    };
    const mailer = mailerFor({ server, environment });
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

  test('what the token endpoint refuses is said, without secrets', async () => {
    const endpoint = await startTokenEndpoint([]);
    const environment = {
      ...trusting,
      EMAIL_OAUTH2_CLIENT_ID: 'client',
      EMAIL_OAUTH2_REFRESH_TOKEN: 'refresh-token-0123456789',
      EMAIL_OAUTH2_TOKEN_URL: endpoint.url,
    };
    const error = await sendOne(oauth2, environment).catch((error: Error) => error);
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

  /** Tries to send one mail with a token of that endpoint, and answers the error. */
  async function sendWith(url: string): Promise<unknown> {
    const server = await startMailServer(oauth2);
    const variables = { ...environment, EMAIL_OAUTH2_TOKEN_URL: url };
    const mailer = mailerFor({ server, environment: variables, timeoutMs: 500 });
    const error = await mailer.send(letter, { messageKey: 'key-1' }).catch((error: Error) => error);
    mailer.close();
    await server.close();
    return error;
  }

  test('that redirects does not make the refresh token go elsewhere', async () => {
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

  test('that does not answer is given up, and asked again for the next mail', async () => {
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
    const mailer = mailerFor({ server, environment: variables, timeoutMs: 500 });
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

describe.concurrent('what a mail says of its sender', () => {
  const plain = { EMAIL_USE_TLS: 'False' };

  test.each([
    ['Acme: Accounts <accounts@acme.example>', 'Acme: Accounts'],
    ['"Acme, \\"The\\" Inc." <accounts@acme.example>', 'Acme, "The" Inc.'],
    ['Ада: Лавлейс <accounts@acme.example>', 'Ада: Лавлейс'],
    ['accounts@acme.example', ''],
  ])('EMAIL_FROM=%s', async (text, name) => {
    const mail = await sendOne({}, { ...plain, EMAIL_FROM: text });
    expect(mail).toMatchObject({ from: 'accounts@acme.example', fromName: name });
  });

  test('the id is of the domain of the sender', async () => {
    const mail = await sendOne({}, { ...plain, EMAIL_FROM: 'Ada <ada@bücher.example>' });
    expect(mail?.messageId).toBe('<key-1@xn--bcher-kva.example>');
  });

  test.each([
    ['https://auth.example.com', 'auth.example.com'],
    ['http://192.0.2.1:4000', '[192.0.2.1]'],
    ['http://[2001:db8::1]', '[IPv6:2001:db8::1]'],
  ])('with PUBLIC_URL=%s it says EHLO %s', async (publicUrl, name) => {
    const mail = await sendOne({}, { ...plain, PUBLIC_URL: publicUrl });
    expect(mail?.client.helo).toBe(name.toLowerCase()); // as smtp-server keeps it
  });
});

test('a mail says that a program sent it, so that no absence note answers it', async () => {
  const mail = await sendOne({}, { EMAIL_USE_TLS: 'False' });
  expect(mail?.autoSubmitted).toBe('auto-generated');
});

describe('the parts of a mail are text', () => {
  const file = join(directory, 'secret.txt');

  /** Sends a mail whose HTML part is an object, which nodemailer would replace by what it refers to. */
  async function sendReference(reference: object) {
    const server = await startMailServer();
    const mailer = mailerFor({ server, environment: { EMAIL_USE_TLS: 'False' } });
    const mail = { ...letter, html: reference as unknown as string }; // as a mistake of ours would be
    const error = await mailer.send(mail, { messageKey: 'key-1' }).catch((error: Error) => error);
    mailer.close();
    await server.close();
    return { error, mails: server.mails };
  }

  test('a reference to a file is not read', async () => {
    writeFileSync(file, 'what only the service may read');
    const { error, mails } = await sendReference({ path: file });
    expect(String(error)).toContain('File access rejected');
    expect(mails).toEqual([]);
  });

  test('a reference to an address is not fetched', async () => {
    const endpoint = await startTokenEndpoint(['a-token-that-would-be-mailed']);
    const { error, mails } = await sendReference({ href: endpoint.url });
    await endpoint.close();
    expect(String(error)).toContain('Url access rejected');
    expect(endpoint.requests).toEqual([]);
    expect(mails).toEqual([]);
  });
});

/** A token endpoint that gives these tokens in turn, and then refuses, quoting what it was sent. */
async function startTokenEndpoint(tokens: readonly string[]) {
  const requests: Record<string, string>[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const parameters = Object.fromEntries(new URLSearchParams(text));
    const token = tokens[requests.length];
    requests.push(parameters);
    const refusal = {
      error: 'invalid_grant',
      error_description: `${parameters.refresh_token} was revoked`,
    };
    response.writeHead(token === undefined ? 400 : 200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(token === undefined ? refusal : { access_token: token, expires_in: 3600 }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listens on TCP
  return {
    url: `http://127.0.0.1:${port}/token`,
    requests,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
