/** The variables for mail: defaults, valid texts and invalid texts. */

import type { Config } from '../../../src/config/config.ts';
import { rootCertificate } from '../../support/root-certificate.ts';
import { brokenCertificateFile, caFile, login, oauth2, privateKeyFile } from '../environments.ts';
import {
  falseTexts,
  notWholeNumbers,
  trueTexts,
  type Variable,
  wholeNumberRemedy,
} from './variable.ts';

const smtp = (pick: (mail: Extract<Config['mail'], { kind: 'smtp' }>) => unknown) => {
  return ({ mail }: Config) => (mail.kind === 'smtp' ? pick(mail) : undefined);
};

export const mailVariables: Readonly<Record<string, Variable>> = {
  EMAIL_HOST: {
    valueOf: smtp(({ host }) => host),
    defaultValue: undefined,
    valid: [['mail.example.com', 'mail.example.com']],
    invalid: [],
  },
  EMAIL_PORT: {
    valueOf: smtp(({ port }) => port),
    defaultValue: 587,
    valid: [
      ['25', 25],
      ['465', 465],
    ],
    invalid: ['0', '65536', 'smtp', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
    requires: { EMAIL_HOST: 'mail.example.com' },
  },
  EMAIL_USE_TLS: {
    valueOf: smtp(({ encryption }) => encryption),
    defaultValue: 'starttls',
    valid: [
      ...trueTexts.map(([text]) => [text, 'starttls'] as const),
      ...falseTexts.map(([text]) => [text, 'none'] as const),
    ],
    invalid: ['maybe', '2', 'starttls'],
    remedy: /must be True or False/,
    requires: { EMAIL_HOST: 'mail.example.com' },
  },
  EMAIL_USE_SSL: {
    valueOf: smtp(({ encryption, port }) => [encryption, port]),
    defaultValue: ['starttls', 587],
    valid: [
      ...trueTexts.map(([text]) => [text, ['tls', 465]] as const),
      ...falseTexts.map(([text]) => [text, ['starttls', 587]] as const),
    ],
    invalid: ['maybe', '2', 'ssl'],
    remedy: /must be True or False/,
    requires: { EMAIL_HOST: 'mail.example.com' },
  },
  EMAIL_CA_FILE: {
    valueOf: smtp(({ ca }) => ca),
    defaultValue: undefined,
    valid: [[caFile, rootCertificate]],
    invalid: ['/nowhere/ca.pem', '.', privateKeyFile, brokenCertificateFile],
    remedy: /cannot be read|must hold certificates in PEM/,
    requires: { EMAIL_HOST: 'mail.example.com' },
  },
  EMAIL_OAUTH2_ACCESS_TOKEN: {
    valueOf: smtp(({ login }) => login?.kind === 'access-token' && login.accessToken),
    defaultValue: undefined,
    valid: [['ya29.token', 'ya29.token']],
    invalid: [],
    requires: { EMAIL_HOST_USER: 'me@example.com' },
  },
  EMAIL_OAUTH2_CLIENT_ID: {
    valueOf: smtp(({ login }) => login?.kind === 'refresh-token' && login.clientId),
    defaultValue: undefined,
    valid: [['client', 'client']],
    invalid: [],
    requires: { EMAIL_HOST_USER: 'me@example.com', EMAIL_OAUTH2_REFRESH_TOKEN: 'refresh' },
  },
  EMAIL_OAUTH2_CLIENT_SECRET: {
    valueOf: smtp(({ login }) => login?.kind === 'refresh-token' && login.clientSecret),
    defaultValue: undefined,
    valid: [['pa55word', 'pa55word']],
    invalid: [],
    requires: oauth2,
  },
  EMAIL_OAUTH2_REFRESH_TOKEN: {
    valueOf: smtp(({ login }) => login?.kind === 'refresh-token' && login.refreshToken),
    defaultValue: undefined,
    valid: [['refresh', 'refresh']],
    invalid: [],
    requires: { EMAIL_HOST_USER: 'me@example.com', EMAIL_OAUTH2_CLIENT_ID: 'client' },
  },
  EMAIL_OAUTH2_TOKEN_URL: {
    valueOf: smtp(({ login }) => login?.kind === 'refresh-token' && login.tokenUrl),
    defaultValue: undefined,
    valid: [
      ['https://login.example.com/token', 'https://login.example.com/token'],
      ['http://127.0.0.1:8080/token', 'http://127.0.0.1:8080/token'],
    ],
    invalid: ['login.example.com/token', 'http://login.example.com/token', 'ftp://127.0.0.1/token'],
    remedy: /must be the https:/,
    requires: oauth2,
  },
  EMAIL_HOST_USER: {
    valueOf: smtp(({ login }) => login?.user),
    defaultValue: undefined,
    valid: [['mailer', 'mailer']],
    invalid: [],
    requires: { EMAIL_HOST_PASSWORD: login.EMAIL_HOST_PASSWORD },
  },
  EMAIL_HOST_PASSWORD: {
    valueOf: smtp(({ login }) => (login?.kind === 'password' ? login.password : undefined)),
    defaultValue: undefined,
    valid: [['abcd efgh ijkl mnop', 'abcd efgh ijkl mnop']],
    invalid: [],
    requires: { EMAIL_HOST_USER: login.EMAIL_HOST_USER },
  },
  EMAIL_FROM: {
    valueOf: ({ mail }) => mail.from,
    defaultValue: { name: 'Gatehouse', address: 'gatehouse@localhost' },
    valid: [
      ['accounts@example.com', { name: 'Gatehouse', address: 'accounts@example.com' }],
      ...[
        ['Accounts', 'Accounts'],
        ['Acme: Accounts', 'Acme: Accounts'],
        ['Acme, Inc. (Europe)', 'Acme, Inc. (Europe)'],
        ['"Acme: Accounts"', 'Acme: Accounts'],
        ['"The \\"Acme\\" <team>"', 'The "Acme" <team>'],
        ['Ада Лавлейс', 'Ада Лавлейс'],
        ['', 'Gatehouse'],
      ].map(
        ([text, name]) =>
          [`${text} <accounts@example.com>`, { name, address: 'accounts@example.com' }] as const,
      ),
      ['Ada <ada@bücher.example>', { name: 'Ada', address: 'ada@bücher.example' }],
    ],
    invalid: [
      'Accounts',
      'Accounts <accounts>',
      'Accounts accounts@example.com',
      'a@example.com, b@example.com',
      'Team: a@example.com;',
      '"Acme <accounts@example.com>',
      'Acme <<accounts@example.com>>',
      'Acme <accounts@example.com> x',
      'Acme <accounts@example.com/path>',
      'Acme <accounts@example..com>',
      'Acme <accounts:x@example.com>',
      'Acme\r\nBcc: x@example.com <accounts@example.com>',
    ],
    remedy: /must be an email address/,
  },
};
