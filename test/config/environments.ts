/** Environments, files and readers for the tests of the configuration. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { ConfigError, type Environment, readConfig } from '../../src/config/config.ts';
import { rootCertificate } from '../support/root-certificate.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

export const scratch = makeScratchDirectory('config');
/** A directory without a .env file. */
export const emptyDirectory = join(scratch, 'empty');
export const caFile = join(scratch, 'ca.pem');
export const privateKeyFile = join(scratch, 'ca.key');
export const logoFile = join(scratch, 'logo.svg');
export const templatesDirectory = join(scratch, 'templates');
export const brokenCertificateFile = join(scratch, 'broken.pem');

const files = {
  [caFile]: rootCertificate,
  [privateKeyFile]: rootCertificate.replaceAll('CERTIFICATE', 'PRIVATE KEY'),
  [logoFile]: '<svg xmlns="http://www.w3.org/2000/svg"/>',
  [join(templatesDirectory, 'en.json')]: '{"mails": {"greeting": "Welcome to {{appName}},"}}',
  [brokenCertificateFile]: '-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n',
};

/** Creates the files for the tests of one test file. Test files of the unit tier share this module. */
export function useConfigFiles(): void {
  beforeAll(() => {
    for (const path of [emptyDirectory, templatesDirectory]) mkdirSync(path, { recursive: true });
    for (const [path, text] of Object.entries(files)) writeFileSync(path, text);
  });
  afterAll(() => rmSync(scratch, { recursive: true }));
}

export const read = (environment: Environment) => readConfig(environment, emptyDirectory);

/** The faults that a ConfigError lists; none for a valid environment. */
export function faultsOf(environment: Environment, directory = emptyDirectory): string[] {
  try {
    readConfig(environment, directory);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').flatMap((line) => line.match(/^ {2}- (.*)/)?.[1] ?? []);
  }
}

export const secretKey = 'kG7-wq2Zx0vT9yB4nM6sL1pR8dF3hJ5c';
export const production = {
  NODE_ENV: 'production',
  SECRET_KEY: secretKey,
  DATABASE_URL: 'postgresql://gatehouse:pa55word@db.example.com:5432/gatehouse',
  EMAIL_HOST: 'mail.example.com',
  PUBLIC_URL: 'https://auth.example.com',
  ALLOWED_HOSTS: 'auth.example.com',
};
export const oauth2 = {
  EMAIL_HOST_USER: 'me@example.com',
  EMAIL_OAUTH2_CLIENT_ID: 'client',
  EMAIL_OAUTH2_REFRESH_TOKEN: 'refresh',
};
export const admin = {
  DEFAULT_ADMIN_EMAIL: 'root@example.com',
  DEFAULT_ADMIN_PASSWORD: 'pa55word-root',
};
export const login = {
  EMAIL_HOST_USER: 'mailer@example.com',
  EMAIL_HOST_PASSWORD: 'pa55word-mail',
};
