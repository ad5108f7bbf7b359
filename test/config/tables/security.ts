/** The variables for keys, databases, tokens, passwords and rate limits: defaults, valid texts and invalid texts. */
import { defaultLimits } from '../../../src/config/rate-limits.ts';
import { admin, secretKey } from '../environments.ts';
import { notWholeNumbers, type Variable, wholeNumberRemedy } from './variable.ts';

export const securityVariables: Readonly<Record<string, Variable>> = {
  SECRET_KEY: {
    valueOf: (config) => config.secretKey,
    defaultValue: undefined,
    valid: [
      [secretKey, secretKey],
      ['ключ-из-тридцати-байт', 'ключ-из-тридцати-байт'],
    ],
    invalid: [
      secretKey.slice(1),
      'changeme',
      'changeme'.repeat(4),
      'changeme-changeme-changeme-changeme',
      'changeme-before-you-go-to-production!',
      'replace-this-with-48-random-bytes-from-a-generator',
      'x'.repeat(48),
      'ab'.repeat(24),
    ],
    remedy: /at least 32 bytes.*randomBytes|random/,
  },
  DATABASE_URL: {
    valueOf: (config) => config.database?.host,
    defaultValue: undefined,
    valid: [
      ['postgresql://me:pa55word@db:5432/auth', 'db'],
      ['postgres://me@db/auth?sslmode=require', 'db'],
    ],
    invalid: ['mysql://me:pa55word@db/auth', 'db:5432', 'postgresql://me:pa55word@db:port/auth'],
    remedy: /postgresql:\/\//,
  },
  DATABASE_DIRECT_URL: {
    valueOf: (config) => config.directDatabase?.host,
    defaultValue: undefined,
    valid: [['postgresql://me@db:5432/auth', 'db']],
    invalid: ['mysql://me:pa55word@db/auth'],
    remedy: /postgresql:\/\//,
    requires: { DATABASE_URL: 'postgresql://me@pooler:6432/auth' },
  },
  DEFAULT_ADMIN_EMAIL: {
    valueOf: (config) => config.defaultAdmin?.email,
    defaultValue: undefined,
    valid: [['root@example.com', 'root@example.com']],
    invalid: [],
    requires: { DEFAULT_ADMIN_PASSWORD: admin.DEFAULT_ADMIN_PASSWORD },
  },
  DEFAULT_ADMIN_PASSWORD: {
    valueOf: (config) => config.defaultAdmin?.password,
    defaultValue: undefined,
    valid: [['a pass phrase ', 'a pass phrase ']],
    invalid: [],
    requires: { DEFAULT_ADMIN_EMAIL: admin.DEFAULT_ADMIN_EMAIL },
  },
  ACCESS_TOKEN_ALGORITHM: {
    valueOf: (config) => config.accessTokenAlgorithm,
    defaultValue: 'ES256',
    valid: [
      ['EdDSA', 'EdDSA'],
      ['RS256', 'RS256'],
      ['ES256', 'ES256'],
    ],
    invalid: ['HS256', 'none', 'es256', 'ES384', 'RSA'],
    remedy: /must be ES256, EdDSA or RS256/,
  },
  ACCESS_TOKEN_AUDIENCE: {
    valueOf: (config) => config.accessTokenAudience,
    defaultValue: ['http://localhost:4000'],
    valid: [
      ['https://api.example.com', ['https://api.example.com']],
      ['orders, https://api.example.com,orders', ['orders', 'https://api.example.com']],
    ],
    invalid: [
      ',',
      'two words',
      'müller',
      `https://${'a'.repeat(1000)}.example.com`,
      Array.from({ length: 300 }, (_, index) => `a${index}`).join(),
    ],
    remedy: /https:\/\/api\.example\.com|1000 characters/,
  },
  ACCESS_TOKEN_CLAIMS: {
    valueOf: (config) => config.accessTokenClaims,
    defaultValue: [],
    valid: [
      ['groups', ['groups']],
      [
        'groups, email,username,permissions,hasura',
        ['groups', 'email', 'username', 'permissions', 'hasura'],
      ],
      ['email,email', ['email']],
    ],
    invalid: ['phone', 'email,Groups', 'email groups'],
    remedy: /must list any of email, username, groups, permissions, hasura/,
  },
  ACCESS_TOKEN_TTL: {
    valueOf: (config) => config.accessTokenTtlSeconds,
    defaultValue: 300,
    valid: [['600', 600]],
    invalid: ['0', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  REFRESH_TOKEN_TTL: {
    valueOf: (config) => config.refreshTokenTtlSeconds,
    defaultValue: 1_209_600,
    valid: [['86400', 86_400]],
    invalid: ['0', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  SESSION_MAX_AGE: {
    valueOf: (config) => config.sessionMaxAgeSeconds,
    defaultValue: 7_776_000,
    valid: [['31536000', 31_536_000]],
    invalid: ['0', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  MAX_SESSIONS_PER_USER: {
    valueOf: (config) => config.maxSessionsPerUser,
    defaultValue: 100,
    valid: [
      ['1', 1],
      ['10000', 10_000],
    ],
    invalid: ['0', '10001', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  REFRESH_GRACE: {
    valueOf: (config) => config.refreshGraceSeconds,
    defaultValue: 30,
    valid: [
      ['0', 0],
      ['60', 60],
    ],
    invalid: notWholeNumbers,
    remedy: wholeNumberRemedy,
  },
  VERIFY_CODE_TTL: {
    valueOf: (config) => config.verifyCodeTtlSeconds,
    defaultValue: 86_400,
    valid: [['3600', 3600]],
    invalid: ['0', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  RESET_TOKEN_TTL: {
    valueOf: (config) => config.resetTokenTtlSeconds,
    defaultValue: 3600,
    valid: [['900', 900]],
    invalid: ['0', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  PASSWORD_MIN_LENGTH: {
    valueOf: (config) => config.passwordMinLength,
    defaultValue: 8,
    valid: [['15', 15]],
    invalid: ['7', ...notWholeNumbers],
    remedy: wholeNumberRemedy,
  },
  RATE_LIMITS: {
    valueOf: (config) => config.rateLimits,
    defaultValue: defaultLimits,
    valid: [
      ['on', defaultLimits],
      ['off', undefined],
      ['account=5/60', { ...defaultLimits, account: { points: 5, seconds: 60 } }],
      [
        'code=7/70, mail-network=8/80',
        {
          ...defaultLimits,
          code: { points: 7, seconds: 70 },
          'mail-network': { points: 8, seconds: 80 },
        },
      ],
    ],
    invalid: ['True', '0', 'none', 'account=0/60', 'account=5', 'everybody=5/60', 'account=5/60,'],
    remedy: /must be on, off, or changes such as account=50\/3600/,
  },
  REDIS_URL: {
    valueOf: (config) => config.redisUrl,
    defaultValue: undefined,
    valid: [
      ['redis://127.0.0.1:6379', 'redis://127.0.0.1:6379'],
      [
        'rediss://user:secret@cache.example.com:6380/1',
        'rediss://user:secret@cache.example.com:6380/1',
      ],
    ],
    invalid: ['127.0.0.1:6379', 'http://127.0.0.1', 'redis:'],
    remedy: /must look like redis:\/\//,
  },
};
