/**
 * The composition root: the one place where the parts are joined, in order, by plain function calls.
 * A House is everything but the network; `serve` opens its doors.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { Pool } from 'pg';
import { createGraphql } from './api/graphql.ts';
import { createHttp } from './api/http.ts';
import { createSchema } from './api/schema.ts';
import { type Clock, systemClock } from './core/clock.ts';
import type { Config } from './core/config.ts';
import type { Log } from './core/log.ts';
import { createOneTimeSecrets } from './core/one-time-secret.ts';
import { createPasswordHasher } from './core/password-hash/password-hasher.ts';
import { createRefreshTokens } from './core/refresh-token.ts';
import { keptSecretKey } from './core/secret-key.ts';
import { type Changes, createChanges } from './db/changes.ts';
import { joinEmbeddedDatabase } from './db/embedded/embedded.ts';
import { doDueJobs, type JobParts, startJobs, type Tasks } from './db/jobs.ts';
import { migrate } from './db/migrate.ts';
import { openOrm, ormOptions } from './db/orm.ts';
import { createUnitOfWork, type UnitOfWork } from './db/unit-of-work.ts';
import { entities } from './entities.ts';
import { AccessResolver, GroupResolver } from './features/access/access.resolver.ts';
import { createAccess } from './features/access/access.ts';
import { createAccountMails } from './features/accounts/accounts.mails.ts';
import { AccountsResolver } from './features/accounts/accounts.resolver.ts';
import { createCredentials } from './features/accounts/credentials.ts';
import { createEmailChanges } from './features/accounts/email-change.ts';
import { createLogin } from './features/accounts/login.ts';
import { PasswordsResolver } from './features/accounts/passwords.resolver.ts';
import { createPasswords, type Passwords } from './features/accounts/passwords.ts';
import { ProfileResolver } from './features/accounts/profile.resolver.ts';
import { createProfiles } from './features/accounts/profile.ts';
import { createProvisioning, type Provisioning } from './features/accounts/provisioning.ts';
import { createRegistrations, type Registrations } from './features/accounts/registration.ts';
import { OneTimePasswordHooks } from './features/one-time-passwords/one-time-password.hooks.ts';
import {
  createOneTimePasswords,
  type OneTimePasswords,
} from './features/one-time-passwords/one-time-passwords.ts';
import { createPrincipals } from './features/sessions/principals.ts';
import { createRefresh } from './features/sessions/refresh.ts';
import {
  SessionResolver,
  SessionsResolver,
  UserSessionsResolver,
} from './features/sessions/sessions.resolver.ts';
import { createSessions, type Sessions } from './features/sessions/sessions.ts';
import { createSigningKeys, type SigningKeys } from './features/sessions/signing-keys.ts';
import { createTokens, type Tokens } from './features/sessions/tokens.ts';
import { UserHooks } from './features/users/user.hooks.ts';
import { UserResolver } from './features/users/users.resolver.ts';
import { createUsers } from './features/users/users.ts';
import { createDevelopmentMailbox, type DevelopmentMailbox } from './mail/mailbox.ts';
import { createMailer } from './mail/mailer.ts';
import { mailTasks } from './mail/outbox.ts';

const resendCooldownSeconds = 60;
/** So many hashes may wait for each thread: about two seconds of them. */
const waitingHashesPerThread = 100;

interface Surroundings {
  readonly config: Config;
  readonly log: Log;
  readonly clock?: Clock;
  /** Settings of the embedded server, for tests that need no durability. */
  readonly embeddedSettings?: Readonly<Record<string, string>>;
}

export interface House {
  readonly config: Config;
  readonly log: Log;
  readonly version: string;
  readonly unitOfWork: UnitOfWork;
  readonly registrations: Registrations;
  readonly provisioning: Provisioning;
  readonly clock: Clock;
  readonly changes: Changes;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly signingKeys: SigningKeys;
  readonly mailbox: DevelopmentMailbox;
  readonly oneTimePasswords: OneTimePasswords;
  readonly passwords: Passwords;
  readonly resolvers: Parameters<typeof createSchema>[0];
  readonly jobs: JobParts;
  /** Names of the migrations that were missing when the house was opened. */
  readonly migrated: readonly string[];
  isReady(): Promise<boolean>;
  close(): Promise<void>;
}

/** Joins the database, brings it up to date and puts the services together. */
export async function openHouse(surroundings: Surroundings): Promise<House> {
  const { config } = surroundings;
  const secretKey = config.secretKey ?? (await keptSecretKey(config.dataDirectory));
  const database = await openDatabase(surroundings);
  try {
    return await furnish(surroundings, { ...database, secretKey });
  } catch (error) {
    await database.leave();
    throw error;
  }
}

interface Database {
  readonly databaseUrl: string;
  readonly leave: () => Promise<void>;
}

async function openDatabase({ config, log, embeddedSettings }: Surroundings): Promise<Database> {
  if (config.databaseUrl !== undefined) {
    return { databaseUrl: config.databaseUrl, leave: () => Promise.resolve() };
  }
  const embedded = await joinEmbeddedDatabase({
    dataDirectory: config.dataDirectory,
    ...(embeddedSettings ? { settings: embeddedSettings } : {}),
    onNotice: (text) => log.info({ part: 'database' }, text),
  });
  return { databaseUrl: embedded.url, leave: () => embedded.leave() };
}

async function furnish(
  { config, log, clock = systemClock }: Surroundings,
  database: Database & { readonly secretKey: string },
): Promise<House> {
  const { databaseUrl, secretKey } = database;
  const orm = await openOrm(
    ormOptions(
      { databaseUrl, onNotice: (text) => log.debug({ part: 'database' }, text) },
      { entities, subscribers: [new UserHooks(), new OneTimePasswordHooks()] },
    ),
  );
  const changes = createChanges({ databaseUrl, log });
  const unitOfWork = createUnitOfWork(orm, changes);
  const migrated = await migrate(orm, unitOfWork, databaseUrl);
  const pool = new Pool({ connectionString: databaseUrl, max: 8 });
  const onBrokenConnection = (error: Error) =>
    log.warn({ err: error, part: 'jobs' }, 'a connection broke');
  pool.on('error', onBrokenConnection);
  pool.on('connect', (client) => client.on('error', onBrokenConnection));

  const secrets = createOneTimeSecrets(secretKey);
  const threads = Math.max(1, availableParallelism());
  const hasher = createPasswordHasher({
    threads,
    queueLimit: threads * waitingHashesPerThread,
    parameters: config.passwordHash,
  });
  const access = createAccess(unitOfWork);
  const users = createUsers(unitOfWork);
  const oneTimePasswords = createOneTimePasswords({
    unitOfWork,
    secrets,
    clock,
    verifyCodeTtlSeconds: config.verifyCodeTtlSeconds,
    resetTokenTtlSeconds: config.resetTokenTtlSeconds,
    resendCooldownSeconds,
  });
  const { accessTokenTtlSeconds, refreshTokenTtlSeconds, sessionMaxAgeSeconds } = config;
  const signingKeys = createSigningKeys({
    unitOfWork,
    changes,
    secretKey,
    clock,
    log,
    accessTokenTtlSeconds,
  });
  await unitOfWork.inContext(() => signingKeys.load());
  const refreshTokens = createRefreshTokens(secretKey);
  const tokens = createTokens({
    signingKeys,
    refreshTokens,
    principals: createPrincipals({ unitOfWork, changes, clock, size: config.principalCacheSize }),
    changes,
    clock,
    issuer: config.publicUrl,
    accessTokenTtlSeconds,
    cacheSize: config.principalCacheSize,
  });
  const sessionParts = {
    unitOfWork,
    refreshTokens,
    tokens,
    clock,
    log,
    refreshTokenTtlSeconds,
    sessionMaxAgeSeconds,
    refreshGraceSeconds: config.refreshGraceSeconds,
  };
  const sessions = createSessions(sessionParts);
  const credentials = createCredentials({ users, hasher });
  const accountParts = {
    unitOfWork,
    credentials,
    users,
    oneTimePasswords,
    sessions,
    tokens,
    hasher,
    clock,
    passwordRules: { minLength: config.passwordMinLength },
  };
  const registrations = createRegistrations(accountParts);
  const passwords = createPasswords(accountParts);
  const emailChanges = createEmailChanges(accountParts);
  const profiles = createProfiles({ ...accountParts, emailChanges });
  const mailbox = createDevelopmentMailbox(join(config.dataDirectory, 'mailbox'));
  const mailer = createMailer(config.mail, { mailbox, publicUrl: config.publicUrl, log });
  const compose = createAccountMails({
    unitOfWork,
    secrets,
    clock,
    publicUrl: config.publicUrl,
  });

  return {
    config,
    log,
    version: packageVersion(),
    unitOfWork,
    registrations,
    provisioning: createProvisioning(accountParts),
    clock,
    changes,
    sessions,
    tokens,
    signingKeys,
    mailbox,
    oneTimePasswords,
    passwords,
    migrated,
    resolvers: [
      new UserResolver(access),
      new GroupResolver(access),
      new AccessResolver(),
      new SessionResolver(),
      new UserSessionsResolver(sessions),
      new SessionsResolver(sessions, createRefresh(sessionParts)),
      new AccountsResolver(registrations, createLogin(accountParts)),
      new PasswordsResolver(passwords),
      new ProfileResolver(profiles, emailChanges),
    ],
    jobs: {
      pool,
      log,
      tasks: inContext(unitOfWork, {
        ...mailTasks(mailer, compose),
        ...registrations.tasks,
        ...passwords.tasks,
        ...sessions.tasks,
      }),
      schedule: sessions.schedule,
    },
    isReady: () =>
      unitOfWork.query('select 1').then(
        () => true,
        () => false,
      ),
    async close() {
      await hasher.close();
      await changes.stop();
      mailer.close();
      await pool.end();
      await orm.close();
      await database.leave();
    },
  };
}

/** A job is an edge: each opens a context of its own. */
function inContext(unitOfWork: UnitOfWork, tasks: Tasks): Tasks {
  return Object.fromEntries(
    Object.entries(tasks).map(([name, task]) => [
      name,
      (payload, job) => unitOfWork.inContext(() => task(payload, job)),
    ]),
  );
}

export interface Service {
  readonly http: FastifyInstance;
  /** Where it listens, such as `http://127.0.0.1:4000`. */
  readonly address: string;
  /** Finishes what is under way, then lets go of everything. */
  close(): Promise<void>;
}

/** Makes the default administrator, if one is configured and none is there; starts jobs and HTTP. */
export async function serve(house: House): Promise<Service> {
  const { config, log } = house;
  await house.changes.start();
  await provisionDefaultAdmin(house);
  const graphql = await createGraphql({
    schema: createSchema(house.resolvers),
    isDebug: config.debug,
    log,
  });
  const http = await createHttp({ ...house, graphql });
  const jobs = await startJobs(house.jobs);
  const address = await http.listen({ host: config.host, port: config.port });
  return {
    http,
    address,
    async close() {
      await http.close();
      await graphql.stop();
      await jobs.stop();
      await house.close();
    },
  };
}

/** Sends what a command has caused, for the case that no server runs to do it. */
export async function deliverDue(house: House): Promise<void> {
  await doDueJobs(house.jobs);
}

async function provisionDefaultAdmin({ config, log, unitOfWork, provisioning }: House) {
  const { defaultAdmin } = config;
  if (!defaultAdmin) return;
  const made = await unitOfWork.inContext(() => provisioning.provisionDefaultAdmin(defaultAdmin));
  if (made) log.info({ email: made.email }, 'made the default administrator');
}

function packageVersion(): string {
  const file = new URL('../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }; // our own file
  return version;
}
