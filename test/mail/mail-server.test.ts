/** Mails to a real SMTP server: both kinds of TLS, private authorities, sender names, message ids, text only. */
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createServerCertificate } from '../support/certificates.ts';
import { type MailServerOptions, startMailServer } from '../support/mail-server.ts';
import { createTestMailer, letter, sendOne } from '../support/mailer.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { startTokenEndpoint } from '../support/token-endpoint.ts';

const directory = makeScratchDirectory('smtp');
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const certificates = createServerCertificate(directory, ['127.0.0.1']);

/** TLS by STARTTLS, or with `secure` from the start. */
const tls = { key: certificates.key, cert: certificates.certificate, disabledCommands: [] };

describe.concurrent('TLS', () => {
  const trusting = { EMAIL_CA_FILE: certificates.caFile };
  const startTls: readonly [MailServerOptions, Record<string, string>] = [tls, {}];
  const implicit: readonly [MailServerOptions, Record<string, string>] = [
    { ...tls, secure: true },
    { EMAIL_USE_SSL: 'True' },
  ];

  test.each([
    ['STARTTLS', ...startTls],
    ['TLS from the start', ...implicit],
  ])('%s with a server of a private authority', async (_kind, options, environment) => {
    const mail = await sendOne(directory, options, { ...environment, ...trusting });
    expect(mail?.client).toMatchObject({ isSecure: true });
    await expect(sendOne(directory, options, environment)).rejects.toThrow(/certificate/);
  });

  test('a server without STARTTLS gets no mail', async () => {
    await expect(sendOne(directory, {}, trusting)).rejects.toThrow(/STARTTLS/);
  });
});

test('EMAIL_USE_TLS=False uses no TLS, also where the server offers it', async () => {
  const mail = await sendOne(directory, tls, { EMAIL_USE_TLS: 'False' });
  expect(mail?.client).toMatchObject({ isSecure: false });
});

test.each([
  ['before its greeting', ''],
  ['after its greeting', '220 mail.example.com ESMTP\r\n'],
])('a server that is silent %s times out', async (_when, greeting) => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => {
    sockets.push(socket);
    socket.write(greeting);
  });
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as AddressInfo; // listens on TCP
  const environment = { EMAIL_USE_TLS: 'False' };
  const mailer = createTestMailer({ server: { port }, directory, environment, timeoutMs: 300 });
  const startedAt = performance.now();
  await expect(mailer.send(letter, { messageKey: 'key-1' })).rejects.toThrow(/is unavailable/);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  mailer.close();
  for (const socket of sockets) socket.destroy();
  silent.close();
});

describe.concurrent('the sender of a mail', () => {
  const plain = { EMAIL_USE_TLS: 'False' };

  test.each([
    ['Acme: Accounts <accounts@acme.example>', 'Acme: Accounts'],
    ['"Acme, \\"The\\" Inc." <accounts@acme.example>', 'Acme, "The" Inc.'],
    ['Ада: Лавлейс <accounts@acme.example>', 'Ада: Лавлейс'],
    ['accounts@acme.example', 'Gatehouse'],
  ])('EMAIL_FROM=%s', async (text, name) => {
    const mail = await sendOne(directory, {}, { ...plain, EMAIL_FROM: text });
    expect(mail).toMatchObject({ from: 'accounts@acme.example', fromName: name });
  });

  test('the message id has the domain of the sender', async () => {
    const mail = await sendOne(directory, {}, { ...plain, EMAIL_FROM: 'Ada <ada@bücher.example>' });
    expect(mail?.messageId).toBe('<key-1@xn--bcher-kva.example>');
  });

  test.each([
    ['https://auth.example.com', 'auth.example.com'],
    ['http://192.0.2.1:4000', '[192.0.2.1]'],
    ['http://[2001:db8::1]', '[IPv6:2001:db8::1]'],
  ])('with PUBLIC_URL=%s the client sends EHLO %s', async (publicUrl, name) => {
    const mail = await sendOne(directory, {}, { ...plain, PUBLIC_URL: publicUrl });
    expect(mail?.client.helo).toBe(name.toLowerCase()); // as smtp-server stores it
  });
});

test('a mail is marked as automatic, so that no absence reply follows', async () => {
  const mail = await sendOne(directory, {}, { EMAIL_USE_TLS: 'False' });
  expect(mail).toMatchObject({ autoSubmitted: 'auto-generated', suppressed: 'All' });
});

describe('the parts of a mail are text', () => {
  const file = join(directory, 'secret.txt');

  /** Sends a mail whose HTML part is an object, which nodemailer would replace by its target. */
  async function sendReference(reference: object) {
    const server = await startMailServer();
    const mailer = createTestMailer({ server, directory, environment: { EMAIL_USE_TLS: 'False' } });
    const mail = { ...letter, html: reference as unknown as string }; // the type error that a bug could cause
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
