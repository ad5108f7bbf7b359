/** The variables for HTTP, addresses and processes: defaults, valid texts and invalid texts. */
import { join } from 'node:path';
import { emptyDirectory } from '../environments.ts';
import {
  falseTexts,
  notWholeNumbers,
  trueTexts,
  type Variable,
  wholeNumberRemedy,
} from './variable.ts';

export const httpVariables: Readonly<Record<string, Variable>> = {
  ALLOWED_HOSTS: {
    valueOf: (config) => config.allowedHosts,
    defaultValue: ['localhost', '127.0.0.1', '[::1]'],
    valid: [
      ['auth.example.com', ['auth.example.com']],
      [' Auth.Example.com , .example.org,', ['auth.example.com', '.example.org']],
      ['*', ['*']],
    ],
    invalid: [],
  },
  CORS_ALLOWED_ORIGINS: {
    valueOf: (config) => config.corsAllowedOrigins,
    defaultValue: [],
    valid: [
      ['https://app.example.com', ['https://app.example.com']],
      ['https://a.example, http://localhost:3000', ['https://a.example', 'http://localhost:3000']],
      ['https://*.example.com:8443', ['https://*.example.com:8443']],
      [
        'capacitor://localhost,ionic://localhost,tauri://localhost',
        ['capacitor://localhost', 'ionic://localhost', 'tauri://localhost'],
      ],
    ],
    invalid: [
      'app.example.com',
      'https://app.example.com/',
      'https://a.example, *',
      'null',
      'https://*',
      'https://*.com',
      'https://*.*.example.com',
      'https://a*.example.com',
      'https://a.*.example.com',
      '*://example.com',
      'capacitor://*.localhost',
      'file://localhost',
      'tauri://localhost/index.html',
    ],
    remedy: /such as https:\/\//,
  },
  TRUSTED_DOCUMENTS: {
    valueOf: (config) => config.trustedDocumentsFile,
    defaultValue: undefined,
    valid: [['/etc/gatehouse/manifest.json', '/etc/gatehouse/manifest.json']],
    invalid: [],
  },
  DEBUG: {
    valueOf: (config) => config.debug,
    defaultValue: true,
    valid: [...trueTexts, ...falseTexts],
    invalid: ['maybe', 'debug'],
    remedy: /must be True or False/,
  },
  HOST: {
    valueOf: (config) => config.host,
    defaultValue: '127.0.0.1',
    valid: [
      ['0.0.0.0', '0.0.0.0'],
      ['::', '::'],
    ],
    invalid: [],
  },
  PORT: {
    valueOf: (config) => config.port,
    defaultValue: 4000,
    valid: [
      ['8080', 8080],
      [' 80 ', 80],
    ],
    invalid: ['65536', 'http', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  PUBLIC_URL: {
    valueOf: (config) => config.publicUrl,
    defaultValue: 'http://localhost:4000',
    valid: [
      ['https://auth.example.com', 'https://auth.example.com'],
      ['http://auth.example.com:8080/', 'http://auth.example.com:8080'],
    ],
    invalid: ['auth.example.com', 'ftp://auth.example.com', 'https://auth.example.com/?code=1'],
    remedy: /such as https:\/\//,
  },
  REST_PREFIX: {
    valueOf: (config) => config.restPrefix,
    defaultValue: '/auth',
    valid: [
      ['/api/v1/auth', '/api/v1/auth'],
      ['/accounts/', '/accounts'],
    ],
    invalid: ['auth', '/', '//auth', '/a b', '/:id', '/auth?x=1'],
    remedy: /path such as \/auth/,
  },
  TRUST_PROXY: {
    valueOf: (config) => config.trustedProxyHops,
    defaultValue: 0,
    valid: [['2', 2]],
    invalid: ['true', '10.0.0.1', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  GATEHOUSE_DATA_DIR: {
    valueOf: (config) => config.dataDirectory,
    defaultValue: join(emptyDirectory, '.gatehouse'),
    valid: [
      ['/var/lib/gatehouse', '/var/lib/gatehouse'],
      ['data dir', join(emptyDirectory, 'data dir')],
    ],
    invalid: [],
  },
  WORKERS: {
    valueOf: (config) => config.workers,
    defaultValue: 1,
    valid: [['4', 4]],
    invalid: ['0', 'auto', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  MAX_CONNECTIONS: {
    valueOf: (config) => config.maxConnections,
    defaultValue: 5000,
    valid: [['20', 20]],
    invalid: ['0', '1000001', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  SHUTDOWN_DELAY: {
    valueOf: (config) => config.shutdownDelaySeconds,
    defaultValue: 0,
    valid: [['5', 5]],
    invalid: ['61', '0.5', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
};
