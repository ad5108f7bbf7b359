/** The environment variables with their parsers and default values. */
import { z } from 'zod';
import { accessTokenAlgorithms } from '../crypto/access-token-algorithms.ts';
import { audiences, claims } from './access-tokens.ts';
import { defaultLimits } from './rate-limits.ts';
import {
  address,
  allowedHost,
  collectorUrl,
  databaseUrl,
  flag,
  headerList,
  hostName,
  httpUrl,
  integer,
  list,
  mailbox,
  origin,
  rateLimits,
  redisUrl,
  restPrefix,
  secretKey,
  tokenUrl,
} from './values.ts';

export const variables = z.object({
  NODE_ENV: z
    .enum(['production', 'development', 'test'], 'must be production, development, test or unset')
    .optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  SECRET_KEY: secretKey.optional(),
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_DIRECT_URL: databaseUrl.optional(),
  DEFAULT_ADMIN_EMAIL: address.optional(),
  DEFAULT_ADMIN_PASSWORD: z.string().optional(),
  EMAIL_HOST: hostName.optional(),
  EMAIL_PORT: integer(1, 65535).optional(),
  EMAIL_USE_TLS: flag.optional(),
  EMAIL_USE_SSL: flag.optional(),
  EMAIL_CA_FILE: z.string().optional(),
  EMAIL_HOST_USER: z.string().optional(),
  EMAIL_HOST_PASSWORD: z.string().optional(),
  EMAIL_OAUTH2_ACCESS_TOKEN: z.string().optional(),
  EMAIL_OAUTH2_CLIENT_ID: z.string().optional(),
  EMAIL_OAUTH2_CLIENT_SECRET: z.string().optional(),
  EMAIL_OAUTH2_REFRESH_TOKEN: z.string().optional(),
  EMAIL_OAUTH2_TOKEN_URL: tokenUrl.default('https://oauth2.googleapis.com/token'),
  EMAIL_FROM: mailbox.optional(),
  ALLOWED_HOSTS: list
    .pipe(z.array(allowedHost).min(1, 'must name a host'))
    .default(['localhost', '127.0.0.1', '[::1]']),
  CORS_ALLOWED_ORIGINS: list.pipe(z.array(origin)).default([]),
  TRUSTED_DOCUMENTS: z.string().optional(),
  DEBUG: flag.optional(),
  HOST: hostName.default('127.0.0.1'),
  PORT: integer(0, 65535).default(4000),
  PUBLIC_URL: httpUrl.optional(),
  REST_PREFIX: restPrefix.default('/auth'),
  TRUST_PROXY: integer(0, 16).default(0),
  GATEHOUSE_DATA_DIR: z.string().default('.gatehouse'),
  ACCESS_TOKEN_ALGORITHM: z
    .enum(accessTokenAlgorithms, 'must be ES256, EdDSA or RS256')
    .default('ES256'),
  ACCESS_TOKEN_AUDIENCE: audiences.optional(),
  ACCESS_TOKEN_CLAIMS: claims.default([]),
  ACCESS_TOKEN_TTL: integer(30, 900).default(300),
  REFRESH_TOKEN_TTL: integer(60, 31_536_000).default(1_209_600),
  SESSION_MAX_AGE: integer(60, 315_360_000).default(7_776_000),
  MAX_SESSIONS_PER_USER: integer(1, 10_000).default(100),
  REFRESH_GRACE: integer(0, 300).default(30),
  VERIFY_CODE_TTL: integer(60, 86_400).default(86_400),
  RESET_TOKEN_TTL: integer(60, 86_400).default(3_600),
  PRINCIPAL_CACHE_SIZE: integer(1, 1_000_000).default(10_000),
  REVOCATION_FEED_KEY: secretKey.optional(),
  METRICS_KEY: secretKey.optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headerList.default({}),
  OTEL_SERVICE_NAME: z.string().default('gatehouse'),
  WORKERS: integer(1, 64).default(1),
  MAX_CONNECTIONS: integer(1, 1_000_000).default(5_000),
  SHUTDOWN_DELAY: integer(0, 60).default(0),
  PASSWORD_MIN_LENGTH: integer(8, 128).default(8),
  PASSWORD_HASH_MEMORY_KIB: integer(19_456, 262_144).default(19_456),
  PASSWORD_HASH_ITERATIONS: integer(2, 10).default(2),
  PASSWORD_HASH_PARALLELISM: integer(1, 16).default(1),
  RATE_LIMITS: rateLimits.default(defaultLimits),
  REDIS_URL: redisUrl.optional(),
});

export type Settings = z.infer<typeof variables>;
