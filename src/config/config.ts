/**
 * Reads the configuration from the environment and .env, validates it and freezes it. No other module reads
 * process.env. One error reports all faults, each with its remedy.
 */
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { AccessTokenAlgorithm } from '../crypto/access-token-algorithms.ts';
import { type HashParameters, isAffordable } from '../crypto/password/parameters.ts';
import type { CustomTexts } from '../i18n/custom-texts.ts';
import type { AccessTokenClaim } from './access-tokens.ts';
import type { Brand } from './brand.ts';
import type { DatabaseConnection } from './database-url.ts';
import { EnvFileError, readEnvFile } from './env-file.ts';
import {
  type MailSettings,
  mailFaults,
  mailLoginFaults,
  mailSettings,
  readCertificates,
} from './mail-settings.ts';
import { type Presentation, readPresentation } from './presentation.ts';
import type { Limits } from './rate-limits.ts';
import { type Settings, variables } from './variables.ts';

export interface TracingSettings {
  /** Address of the OpenTelemetry collector (OTLP over HTTP), without `/v1/traces`. */
  readonly endpoint: string;
  readonly serviceName: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Durations are seconds. */
export interface Config {
  readonly isProduction: boolean;
  readonly debug: boolean;
  readonly logLevel: string;
  /** Undefined: the service creates a key in the data directory. */
  readonly secretKey: string | undefined;
  /** Undefined: the service uses the embedded PostgreSQL. */
  readonly database: DatabaseConnection | undefined;
  /** The same database without a pooler; undefined if `database` has no pooler. */
  readonly directDatabase: DatabaseConnection | undefined;
  readonly defaultAdmin: { readonly email: string; readonly password: string } | undefined;
  readonly mail: MailSettings;
  readonly allowedHosts: readonly string[];
  readonly corsAllowedOrigins: readonly string[];
  /** Manifest of the only GraphQL documents to execute; undefined: any document is executed. */
  readonly trustedDocumentsFile: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly publicUrl: string;
  readonly brand: Brand;
  /** Texts of pages and mails that replace built-in ones. */
  readonly customTexts: CustomTexts;
  /** Origins and beginnings of the addresses that pages may lead back to. */
  readonly allowedReturnUrls: readonly string[];
  readonly restPrefix: string;
  readonly trustedProxyHops: number;
  readonly dataDirectory: string;
  /** The kind of the next signing key. The keys in the database decide how tokens are signed now. */
  readonly accessTokenAlgorithm: AccessTokenAlgorithm;
  readonly accessTokenAudience: readonly string[];
  /** Claims beyond RFC 9068, the most important first. */
  readonly accessTokenClaims: readonly AccessTokenClaim[];
  readonly accessTokenTtlSeconds: number;
  readonly refreshTokenTtlSeconds: number;
  readonly sessionMaxAgeSeconds: number;
  /** Live sessions of one user. A login beyond it revokes the session that was unused longest. */
  readonly maxSessionsPerUser: number;
  readonly refreshGraceSeconds: number;
  readonly verifyCodeTtlSeconds: number;
  /** Number of cached session principals, and of cached token verifications. */
  readonly principalCacheSize: number;
  /** Key of the revocation stream for other services; undefined: the stream is off. */
  readonly revocationFeedKey: string | undefined;
  /** Key of `/metrics`; undefined: only the same machine can read it. */
  readonly metricsKey: string | undefined;
  /** Undefined: no traces. */
  readonly tracing: TracingSettings | undefined;
  readonly resetTokenTtlSeconds: number;
  readonly workers: number;
  /** Connections of each server process. Further connections are closed without a response. */
  readonly maxConnections: number;
  /** Time in which requests are still accepted after `/health/ready` answers 503. */
  readonly shutdownDelaySeconds: number;
  readonly passwordMinLength: number;
  readonly passwordHash: HashParameters;
  /** Undefined: rate limits are off. */
  readonly rateLimits: Limits | undefined;
  /** Store of the rate limits; undefined: PostgreSQL. */
  readonly redisUrl: string | undefined;
}

/** The configuration is invalid. The message has every fault and its remedy. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      [
        `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:`,
        ...faults.map((fault) => `  - ${fault}`),
        'Set these in the environment or in .env (see .env.example).',
      ].join('\n'),
    );
    this.name = 'ConfigError';
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

const requiredInProduction = [
  'SECRET_KEY',
  'DATABASE_URL',
  'EMAIL_HOST',
  'PUBLIC_URL',
  'ALLOWED_HOSTS',
] as const;

/**
 * The configuration from the environment and the `.env` file of `directory`. The environment overrides
 * the file.
 *
 * @throws ConfigError with every fault
 */
export function readConfig(
  environment: Environment = process.env,
  directory: string = process.cwd(),
): Config {
  const values = withoutBlanks({ ...envFile(directory), ...environment });
  const isProduction = values.NODE_ENV === 'production';
  const result = variables.safeParse(values);
  const mailCa = readCaFile(values.EMAIL_CA_FILE, directory);
  const presentation = readPresentation(values, directory);
  const faults = [
    ...(isProduction ? missingFaults(values) : []),
    ...(result.success
      ? [...costFaults(result.data), ...mailFaults(result.data)]
      : issueFaults(result.error)),
    ...pairFaults(values, isProduction),
    ...mailLoginFaults(values),
    ...('fault' in mailCa ? [`EMAIL_CA_FILE ${mailCa.fault}`] : []),
    ...presentation.faults,
  ];
  if (faults.length > 0 || !result.success || 'fault' in mailCa) throw new ConfigError(faults);
  const files = { mailCa: mailCa.ca, ...presentation };
  return deepFreeze(toConfig(result.data, { isProduction, directory, ...files }));
}

/** What the settings alone do not say: the directory, and the content of files. */
interface Context extends Pick<Presentation, 'brand' | 'customTexts'> {
  readonly isProduction: boolean;
  readonly directory: string;
  readonly mailCa: string | undefined;
}

function toConfig(
  settings: Settings,
  { isProduction, directory, mailCa, brand, customTexts }: Context,
): Config {
  const publicUrl = settings.PUBLIC_URL ?? `http://localhost:${settings.PORT}`;
  return {
    isProduction,
    debug: settings.DEBUG ?? !isProduction,
    logLevel: settings.LOG_LEVEL,
    secretKey: settings.SECRET_KEY,
    database: settings.DATABASE_URL,
    directDatabase: settings.DATABASE_DIRECT_URL,
    defaultAdmin: defaultAdmin(settings),
    mail: mailSettings(settings, mailCa),
    allowedHosts: settings.ALLOWED_HOSTS.map((host) => host.toLowerCase()),
    corsAllowedOrigins: settings.CORS_ALLOWED_ORIGINS,
    trustedDocumentsFile:
      settings.TRUSTED_DOCUMENTS && resolve(directory, settings.TRUSTED_DOCUMENTS),
    host: settings.HOST,
    port: settings.PORT,
    publicUrl,
    brand,
    customTexts,
    allowedReturnUrls:
      settings.ALLOWED_RETURN_URLS ?? (brand.appUrl === undefined ? [] : [brand.appUrl]),
    restPrefix: settings.REST_PREFIX,
    trustedProxyHops: settings.TRUST_PROXY,
    dataDirectory: resolve(directory, settings.GATEHOUSE_DATA_DIR),
    accessTokenAlgorithm: settings.ACCESS_TOKEN_ALGORITHM,
    accessTokenAudience: settings.ACCESS_TOKEN_AUDIENCE ?? [publicUrl],
    accessTokenClaims: settings.ACCESS_TOKEN_CLAIMS,
    accessTokenTtlSeconds: settings.ACCESS_TOKEN_TTL,
    refreshTokenTtlSeconds: settings.REFRESH_TOKEN_TTL,
    sessionMaxAgeSeconds: settings.SESSION_MAX_AGE,
    maxSessionsPerUser: settings.MAX_SESSIONS_PER_USER,
    refreshGraceSeconds: settings.REFRESH_GRACE,
    verifyCodeTtlSeconds: settings.VERIFY_CODE_TTL,
    resetTokenTtlSeconds: settings.RESET_TOKEN_TTL,
    principalCacheSize: settings.PRINCIPAL_CACHE_SIZE,
    revocationFeedKey: settings.REVOCATION_FEED_KEY,
    metricsKey: settings.METRICS_KEY,
    tracing: tracingSettings(settings),
    workers: settings.WORKERS,
    maxConnections: settings.MAX_CONNECTIONS,
    shutdownDelaySeconds: settings.SHUTDOWN_DELAY,
    passwordMinLength: settings.PASSWORD_MIN_LENGTH,
    passwordHash: hashParameters(settings),
    rateLimits: settings.RATE_LIMITS ?? undefined,
    redisUrl: settings.REDIS_URL,
  };
}

function defaultAdmin(settings: Settings): Config['defaultAdmin'] {
  const { DEFAULT_ADMIN_EMAIL: email, DEFAULT_ADMIN_PASSWORD: password } = settings;
  return email === undefined || password === undefined ? undefined : { email, password };
}

function tracingSettings(settings: Settings): TracingSettings | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers } = settings;
  return endpoint === undefined
    ? undefined
    : { endpoint, headers, serviceName: settings.OTEL_SERVICE_NAME };
}

function hashParameters(settings: Settings): HashParameters {
  return {
    memoryKib: settings.PASSWORD_HASH_MEMORY_KIB,
    iterations: settings.PASSWORD_HASH_ITERATIONS,
    parallelism: settings.PASSWORD_HASH_PARALLELISM,
  };
}

function missingFaults(values: Environment): string[] {
  return requiredInProduction
    .filter((name) => values[name] === undefined)
    .map((name) => `${name} must be set in production (NODE_ENV=production)`);
}

function readCaFile(
  file: string | undefined,
  directory: string,
): { ca: string | undefined } | { fault: string } {
  return file === undefined ? { ca: undefined } : readCertificates(resolve(directory, file));
}

function costFaults(settings: Settings): string[] {
  return isAffordable(hashParameters(settings))
    ? []
    : [
        'PASSWORD_HASH_MEMORY_KIB, _ITERATIONS and _PARALLELISM cost too much together; see gatehouse calibrate-hash',
      ];
}

function pairFaults(values: Environment, isProduction: boolean): string[] {
  const faults: string[] = [];
  const pairs = [['DEFAULT_ADMIN_EMAIL', 'DEFAULT_ADMIN_PASSWORD']] as const;
  for (const [one, other] of pairs) {
    if ((values[one] === undefined) !== (values[other] === undefined)) {
      faults.push(`${one} and ${other} go together: set both or neither`);
    }
  }
  if (values.DATABASE_DIRECT_URL !== undefined && values.DATABASE_URL === undefined) {
    faults.push('DATABASE_DIRECT_URL goes with DATABASE_URL: set that too');
  }
  if (isProduction && values.RATE_LIMITS === 'off') {
    faults.push('RATE_LIMITS=off is for load tests and refused in production');
  }
  if (values.ATTEMPT_BUDGETS !== undefined) {
    faults.push('ATTEMPT_BUDGETS is now named RATE_LIMITS, with the same values: rename it');
  }
  return faults;
}

function issueFaults(error: z.ZodError): string[] {
  return error.issues.map(({ path: [name, index], message }) => {
    const entry = typeof index === 'number' ? ` (entry ${index + 1})` : '';
    return `${String(name)}${entry} ${message}`;
  });
}

/** Freezes the value and all values in it. */
function deepFreeze<Value extends object>(value: Value): Value {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  }
  return Object.freeze(value);
}

function withoutBlanks(environment: Environment): Environment {
  return Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
}

function envFile(directory: string): Environment {
  try {
    return readEnvFile(directory);
  } catch (error) {
    if (error instanceof EnvFileError) throw new ConfigError([error.message]);
    throw error;
  }
}
