/** `mail preview`, `mail texts` and `mail test`, which need no database. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { supportedLocales } from '../../src/i18n/locale.ts';
import { translations } from '../../src/i18n/translate.ts';
import { previewNames } from '../../src/mail/templates/previews.ts';
import { runCommand } from '../support/command-line.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

/** A command that connects to the database fails. */
const environment = {
  SECRET_KEY: 'test-only-key-0123456789-abcdefghijklmnop',
  DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/nowhere',
  PUBLIC_URL: 'https://auth.test',
};

const withServer = (server: Pick<MailServer, 'port'>) => ({
  ...environment,
  EMAIL_HOST: '127.0.0.1',
  EMAIL_PORT: String(server.port),
  EMAIL_USE_TLS: 'False',
  EMAIL_FROM: 'gatehouse@auth.test',
});

async function temporaryDirectory() {
  const path = makeScratchDirectory('mail');
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

describe.concurrent('mail preview', () => {
  test('prints the HTML part, with links to PUBLIC_URL', async () => {
    const { code, stdout, stderr } = await runCommand(['mail', 'preview', 'reset-password'], {
      environment,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^<!doctype html>\n<html lang="en">/);
    expect(stdout).toContain('href="https://auth.test/reset-password?uid=');
  });

  test('writes it to a file, in the given language', async () => {
    await using directory = await temporaryDirectory();
    const output = join(directory.path, 'mail.html');
    const args = ['mail', 'preview', 'verify-email', '--locale', 'es', '--output', output];
    const { code, stdout } = await runCommand(args, { environment });
    expect(code).toBe(0);
    expect(stdout).toContain(output);
    expect(await readFile(output, 'utf8')).toContain('<html lang="es">');
  });

  test('has subject, text and HTML in its JSON', async () => {
    const { stdout } = await runCommand(['mail', 'preview', 'invite', '--json'], { environment });
    expect(JSON.parse(stdout)).toEqual({
      name: 'invite',
      locale: 'en',
      subject: 'An account at Gatehouse was created for you',
      text: expect.stringMatching(/^Token: /m),
      html: expect.stringContaining('<!doctype html>'),
    });
  });

  test.each([
    ['an unknown mail', ['mail', 'preview', 'verify'], previewNames.join(', ')],
    ['an unsupported language', ['mail', 'preview', 'invite', '--locale', 'xx'], 'es'],
    ['no name', ['mail', 'preview'], 'An argument is missing.'],
  ])('%s is wrong usage', async (_, args, hint) => {
    const { code, stdout, stderr } = await runCommand(args, { environment });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.replace(/"/g, '')).toContain(hint);
  });
});

describe.concurrent('mail texts', () => {
  test.each(supportedLocales)(
    'prints the texts in %s, which TEMPLATES_DIR accepts',
    async (locale) => {
      await using directory = await temporaryDirectory();
      const args = ['mail', 'texts', '--locale', locale];
      const { code, stdout, stderr } = await runCommand(args, { environment });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(stdout)).toEqual(translations[locale]);
      await writeFile(join(directory.path, `${locale}.json`), stdout);
      const preview = ['mail', 'preview', 'password-changed', '--json', '--locale', locale];
      const [own, builtIn] = await Promise.all([
        runCommand(preview, { environment: { ...environment, TEMPLATES_DIR: directory.path } }),
        runCommand(preview, { environment }),
      ]);
      expect(own).toEqual(builtIn);
    },
  );

  test('a text that needs SUPPORT_EMAIL is refused only where the built-in one has none', async () => {
    await using directory = await temporaryDirectory();
    const texts = { mails: { greeting: '{{supportEmail}}', support: 'Help: {{supportEmail}}' } };
    await writeFile(join(directory.path, 'en.json'), JSON.stringify(texts));
    const { code, stderr } = await runCommand(['mail', 'preview', 'test'], {
      environment: { ...environment, TEMPLATES_DIR: directory.path },
    });
    expect(code).toBe(2);
    expect(stderr).toContain('mails.greeting uses {{supportEmail}}');
    expect(stderr).not.toContain('mails.support');
  });
});

describe.concurrent('mail test', () => {
  test('sends a mail immediately and prints the result', async () => {
    const server = await startMailServer();
    const args = ['mail', 'test', 'Ops@example.com', '--locale', 'es'];
    const { code, stdout, stderr } = await runCommand(args, { environment: withServer(server) });
    await server.close();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('ops@example.com');
    expect(server.mails).toMatchObject([
      {
        to: 'ops@example.com',
        from: 'gatehouse@auth.test',
        subject: 'Gatehouse puede enviar correo',
      },
    ]);
  });

  test('prints the reply of a server that refuses', async () => {
    const server = await startMailServer({
      onRcptTo: (_address, _session, done) =>
        done(Object.assign(new Error('relaying is not for you'), { responseCode: 550 })),
    });
    const { code, stdout, stderr } = await runCommand(['mail', 'test', 'ops@example.com'], {
      environment: withServer(server),
    });
    await server.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('550 relaying is not for you');
  });

  test('prints that no server answers, without the password', async () => {
    const { code, stderr } = await runCommand(['mail', 'test', 'ops@example.com'], {
      environment: {
        ...withServer({ port: 1 }),
        EMAIL_HOST_USER: 'me',
        EMAIL_HOST_PASSWORD: 'pa55word',
      },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/ECONNREFUSED/);
    expect(stderr).not.toContain('pa55word');
  });

  test('stores the mail in the development mailbox if no server is set', async () => {
    await using directory = await temporaryDirectory();
    const { code, stdout } = await runCommand(['mail', 'test', 'ops@example.com', '--json'], {
      environment: { ...environment, GATEHOUSE_DATA_DIR: directory.path },
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ to: 'ops@example.com', isSent: false });
    expect(await readdir(join(directory.path, 'mailbox'))).toHaveLength(1);
  });

  test('refuses an invalid address', async () => {
    const { code, stderr } = await runCommand(['mail', 'test', 'ops'], { environment });
    expect(code).toBe(1);
    expect(stderr).toContain('VALIDATION_FAILED');
  });
});
