/** The variables for mail together: mail server or development mailbox, encryption and login. */
import { describe, expect, test } from 'vitest';
import type { Environment } from '../../src/config/config.ts';
import { caFile, faultsOf, login, oauth2, read, useConfigFiles } from './environments.ts';

useConfigFiles();

describe('contradictions', () => {
  test.each<[string, Environment, RegExp]>([
    [
      'both kinds of TLS',
      { EMAIL_USE_SSL: 'True', EMAIL_USE_TLS: 'True' },
      /EMAIL_USE_SSL.*EMAIL_USE_TLS/,
    ],
    ['a CA without TLS', { EMAIL_CA_FILE: caFile, EMAIL_USE_TLS: 'False' }, /EMAIL_CA_FILE.*TLS/],
    ['a token without TLS', { ...oauth2, EMAIL_USE_TLS: 'False' }, /EMAIL_OAUTH2_.*TLS/],
    [
      'a token without a user',
      { EMAIL_OAUTH2_ACCESS_TOKEN: 'pa55word' },
      /EMAIL_HOST_USER must be set/,
    ],
    [
      'a token and a password',
      { ...oauth2, EMAIL_HOST_PASSWORD: 'pa55word' },
      /EMAIL_HOST_PASSWORD and/,
    ],
    [
      'two kinds of token',
      { ...oauth2, EMAIL_OAUTH2_ACCESS_TOKEN: 'pa55word' },
      /exclude each other/,
    ],
    [
      'a refresh token without a client',
      { ...oauth2, EMAIL_OAUTH2_CLIENT_ID: '' },
      /CLIENT_ID and/,
    ],
    [
      'a client without a refresh token',
      { ...oauth2, EMAIL_OAUTH2_REFRESH_TOKEN: '' },
      /REFRESH_TOKEN/,
    ],
  ])('%s is a fault', (_what, environment, fault) => {
    const faults = faultsOf({ EMAIL_HOST: 'mail.example.com', ...environment });
    expect(faults).toEqual([expect.stringMatching(fault)]);
    expect(faults.join()).not.toContain('pa55word');
  });
});

describe('encryption', () => {
  test.each<[Environment, string]>([
    [{ EMAIL_PORT: '465' }, 'tls'],
    [{ EMAIL_PORT: '465', EMAIL_USE_SSL: 'False' }, 'starttls'],
    [{ EMAIL_PORT: '2465', EMAIL_USE_SSL: 'True' }, 'tls'],
    [{ EMAIL_USE_SSL: 'True', EMAIL_USE_TLS: 'False' }, 'tls'],
    [{ EMAIL_USE_SSL: 'False', EMAIL_USE_TLS: 'False' }, 'none'],
  ])('%j means %s', (environment, encryption) => {
    expect(read({ EMAIL_HOST: 'mail.example.com', ...environment }).mail).toMatchObject({
      encryption,
    });
  });
});

describe('mail settings', () => {
  const relay = {
    kind: 'smtp',
    host: 'mail.example.com',
    port: 587,
    encryption: 'starttls',
    ca: undefined,
    login: undefined,
    from: { name: 'Gatehouse', address: 'gatehouse@localhost' },
  };
  const accounts = { name: 'Gatehouse', address: 'accounts@example.com' };
  const password = login.EMAIL_HOST_PASSWORD;

  test.each<[string, Environment, object]>([
    ['nothing: the mailbox', {}, { kind: 'mailbox', from: relay.from }],
    [
      'a sender alone: the mailbox',
      { EMAIL_FROM: 'accounts@example.com' },
      { kind: 'mailbox', from: accounts },
    ],
    [
      'a port alone: the mailbox',
      { EMAIL_PORT: '25', EMAIL_USE_TLS: 'False' },
      { kind: 'mailbox', from: relay.from },
    ],
    [
      'a login alone: Gmail with STARTTLS, sent from the login',
      login,
      {
        ...relay,
        host: 'smtp.gmail.com',
        login: { kind: 'password', user: login.EMAIL_HOST_USER, password },
        from: { name: 'Gatehouse', address: login.EMAIL_HOST_USER },
      },
    ],
    ['a host alone: a relay without login', { EMAIL_HOST: 'mail.example.com' }, relay],
    [
      'a host without TLS: a plain relay',
      { EMAIL_HOST: 'mail.example.com', EMAIL_PORT: '25', EMAIL_USE_TLS: 'False' },
      { ...relay, port: 25, encryption: 'none' },
    ],
    [
      'a host, a login that is not an address, a sender',
      {
        EMAIL_HOST: 'mail.example.com',
        ...login,
        EMAIL_HOST_USER: 'apikey',
        EMAIL_FROM: 'accounts@example.com',
      },
      {
        ...relay,
        login: { kind: 'password', user: 'apikey', password },
        from: accounts,
      },
    ],
  ])('%s', (_, environment, settings) => {
    expect(read(environment).mail).toEqual(settings);
  });
});
