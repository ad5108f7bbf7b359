/**
 * The composition root: opens the infrastructure and creates the services, without a network interface.
 * Commands use the application context directly; `server.ts` adds HTTP.
 */
import { join } from 'node:path';
import { textsFor } from '../config/presentation.ts';
import type { ChangeFeed } from '../database/change-feed.ts';
import type { UnitOfWork } from '../database/transaction.ts';
import { AuditSubscriber } from '../features/audit-log/audit.subscriber.ts';
import type { Texts } from '../i18n/translate.ts';
import type { JobDeps } from '../jobs/worker.ts';
import { createDevMailbox, type DevMailbox } from '../mail/dev-mailbox.ts';
import { createMailer, type Mailer } from '../mail/mailer.ts';
import { type Infrastructure, openInfrastructure } from './infrastructure.ts';
import { createJobs } from './jobs.ts';
import type { AppContextOptions } from './options.ts';
import type { Services } from './service-groups.ts';
import { createServices } from './services.ts';

export interface AppContext
  extends Pick<Services, 'auth' | 'users' | 'admin' | 'audit' | 'nodes' | 'oauth'>,
    Pick<
      Infrastructure,
      | 'config'
      | 'log'
      | 'clock'
      | 'metrics'
      | 'hasher'
      | 'rateLimiter'
      | 'attemptLimits'
      | 'migrated'
    > {
  readonly mail: { readonly queue: Services['mailQueue']; readonly mailbox: DevMailbox };
  /** The texts of pages and mails. */
  readonly texts: Texts;
  /** The tasks of the job queue, and the dependencies of its worker. */
  readonly jobs: JobDeps;
  readonly unitOfWork: UnitOfWork;
  readonly changeFeed: ChangeFeed;
  close(): Promise<void>;
}

/** Opens the database, checks or migrates its schema, and creates the services. */
export async function createAppContext(options: AppContextOptions): Promise<AppContext> {
  await using opened = new AsyncDisposableStack();
  const infrastructure = await openInfrastructure(options, opened);
  const { config, log, clock, metrics, database } = infrastructure;
  const { hasher, attemptLimits, rateLimiter, migrated } = infrastructure;
  const { unitOfWork, changeFeed } = database;
  const texts = textsFor(config);
  const services = createServicesOn(infrastructure, texts);
  const { auth, users, admin, audit, nodes, oauth } = services;
  await unitOfWork.withEntityManager(
    (options.purpose ?? 'serve') === 'serve'
      ? auth.signingKeys.loadOrCreate
      : auth.signingKeys.load,
  );
  const mailbox = createDevMailbox(join(config.dataDirectory, 'mailbox'));
  const mailer = openMailer(options, mailbox, opened);
  const jobs = createJobsOn(infrastructure, { services, mailer, opened });
  const owned = opened.move();
  return {
    auth,
    users,
    admin,
    audit,
    nodes,
    oauth,
    texts,
    mail: { queue: services.mailQueue, mailbox },
    jobs,
    config,
    log,
    clock,
    metrics,
    unitOfWork,
    changeFeed,
    hasher,
    attemptLimits,
    rateLimiter,
    migrated,
    close: () => owned.disposeAsync(),
  };
}

/** Creates the services. From here on the audit log receives changes of entities. */
function createServicesOn(infrastructure: Infrastructure, texts: Texts): Services {
  const { config, log, clock, metrics, secretKey, database } = infrastructure;
  const { attemptLimits, hasher } = infrastructure;
  const { unitOfWork, changeFeed, orm } = database;
  const services = createServices({
    config,
    log,
    clock,
    metrics,
    secretKey,
    unitOfWork,
    changeFeed,
    attemptLimits,
    hasher,
    texts,
  });
  orm.em.getEventManager().registerSubscriber(new AuditSubscriber(services.audit.log));
  return services;
}

function openMailer(
  { config, log, smtpTimeoutMs }: AppContextOptions,
  mailbox: DevMailbox,
  opened: AsyncDisposableStack,
): Mailer {
  const mailer = createMailer(config.mail, {
    mailbox,
    log,
    publicUrl: config.publicUrl,
    timeoutMs: smtpTimeoutMs,
  });
  opened.defer(() => mailer.close());
  return mailer;
}

function createJobsOn(
  infrastructure: Infrastructure,
  deps: {
    readonly services: Services;
    readonly mailer: Mailer;
    readonly opened: AsyncDisposableStack;
  },
): JobDeps {
  const { timeouts, log, metrics, pools, database } = infrastructure;
  return createJobs({
    direct: database.direct,
    timeouts,
    log,
    metrics,
    unitOfWork: database.unitOfWork,
    mailer: deps.mailer,
    services: deps.services,
    onPool: (pool) => pools.set('jobs', pool),
    opened: deps.opened,
  });
}
