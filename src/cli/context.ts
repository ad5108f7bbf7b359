/** The application context of one command: opens the database and the services, and closes them again. */
import { v4 as uuidv4 } from 'uuid';
import type { AppContext } from '../bootstrap/app-context.ts';
import type { Purpose } from '../bootstrap/options.ts';
import { readConfig } from '../config/config.ts';
import { operatorId, type RequestContext, runWithContext } from '../core/request-context.ts';
import { commandWaitMilliseconds } from '../crypto/password/queue.ts';
import { commandTimeouts } from '../database/timeouts.ts';
import { createLog } from '../observability/log.ts';
import { printError, type Terminal } from './io.ts';

/** Longest silence of the mail server. */
const smtpTimeoutMs = 4000;
/** Longest time in which a command delivers its mails. */
const deliveryTimeoutMs = 6000;

/**
 * Runs `work` as the operator, in an entity-manager context. With the purpose `change` the command then
 * delivers the mails of its changes; with another purpose it runs no job.
 */
export async function withAppContext<Result>(
  terminal: Terminal,
  work: (app: AppContext, context: RequestContext) => Promise<Result>,
  { purpose = 'change' }: { readonly purpose?: Exclude<Purpose, 'serve'> } = {},
): Promise<Result> {
  const config = readConfig(terminal.env, terminal.cwd());
  const log = createLog({ isReadable: config.debug, level: 'fatal', stream: terminal.stderr });
  // Imported here: most of the code is below these modules, and help and wrong usage need none of it.
  const [{ createAppContext }, { runDueJobs }] = await Promise.all([
    import('../bootstrap/app-context.ts'),
    import('../jobs/worker.ts'),
  ]);
  const app = await createAppContext({
    config,
    log,
    smtpTimeoutMs,
    timeouts: commandTimeouts,
    hashWaitMilliseconds: commandWaitMilliseconds,
    purpose,
  });
  try {
    const context = operatorContext();
    const result = await runWithContext(context, () =>
      app.unitOfWork.withEntityManager(() => work(app, context)),
    );
    const isAllSent = purpose !== 'change' || (await runDueJobs(app.jobs, deliveryTimeoutMs));
    if (!isAllSent) {
      printError(terminal, 'A mail is not sent yet; gatehouse mail list shows the reason.');
    }
    return result;
  } finally {
    await app.close();
  }
}

/** The request context of the operator, with the rights of a superuser. */
export function operatorContext(): RequestContext {
  const now = new Date();
  return {
    actor: {
      kind: 'user',
      user: {
        id: operatorId,
        email: 'operator',
        username: null,
        firstName: '',
        lastName: '',
        status: 'ACTIVE',
        isStaff: true,
        isSuperuser: true,
        pendingEmail: null,
        emailVerifiedAt: null,
        locale: null,
        externalId: null,
        metadata: {},
        createdAt: now,
        updatedAt: now,
        lastLoginAt: null,
      },
      groups: new Set(),
      permissions: new Set(),
      credential: { kind: 'session', id: operatorId },
    },
    client: {
      ipAddress: '',
      userAgent: 'gatehouse command line',
      locale: 'en',
      requestId: uuidv4(),
    },
  };
}
