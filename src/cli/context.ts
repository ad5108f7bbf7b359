/** Opens database and services for one command, and closes them again in every case. */

import { v4 as uuidv4 } from 'uuid';
import type { AppContext, Purpose } from '../bootstrap/app-context.ts';
import { readConfig } from '../config/config.ts';
import { type RequestContext, runWithContext } from '../core/request-context.ts';
import { printableJson } from '../core/text.ts';
import { commandTimeouts } from '../database/timeouts.ts';
import { operatorId } from '../features/audit/audit.ts';
import { createLog } from '../observability/log.ts';
import { printError, printLine, type Terminal } from './io.ts';

/** What every command is given: an option, and where it runs. */
export interface GlobalArguments {
  readonly json: boolean;
  readonly terminal: Terminal;
}

/** Milliseconds that a mail server may be silent, and that a command waits for its mails in all. */
const smtpTimeoutMs = 4000;
const deliveryPatience = 6000;

/**
 * Runs `work` on behalf of the operator, in a database context. Mails that a change caused go out before
 * the command ends; with another purpose no job is done.
 */
export async function withAppContext<Result>(
  terminal: Terminal,
  work: (app: AppContext, context: RequestContext) => Promise<Result>,
  { purpose = 'change' }: { readonly purpose?: Exclude<Purpose, 'serve'> } = {},
): Promise<Result> {
  const config = readConfig(terminal.env, terminal.cwd());
  const log = createLog({ isReadable: config.debug, level: 'fatal', stream: terminal.stderr });
  // Loaded here, as help and wrong usage have no use for it, and it is most of what there is to load.
  const [{ createAppContext }, { runDueJobs }] = await Promise.all([
    import('../bootstrap/app-context.ts'),
    import('../jobs/worker.ts'),
  ]);
  const timeouts = commandTimeouts;
  const app = await createAppContext({ config, log, smtpTimeoutMs, timeouts, purpose });
  try {
    const context = operatorContext();
    const result = await runWithContext(context, () =>
      app.unitOfWork.withEntityManager(() => work(app, context)),
    );
    const isAllSent = purpose !== 'change' || (await runDueJobs(app.jobs, deliveryPatience));
    if (!isAllSent) {
      printError(terminal, 'A mail could not be sent yet; gatehouse mail list says why.');
    }
    return result;
  } finally {
    await app.close();
  }
}

/** Prints a result for people or, asked for JSON, for programs. */
export function print(
  result: { readonly text: string; readonly json: object },
  { json, terminal }: GlobalArguments,
): void {
  printLine(terminal, json ? printableJson(JSON.stringify(result.json)) : result.text);
}

export function operatorContext(): RequestContext {
  const beginning = new Date();
  return {
    actor: {
      person: {
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
        createdAt: beginning,
        updatedAt: beginning,
        lastLoginAt: null,
      },
      sessionId: operatorId,
      groups: new Set(),
      permissions: new Set(),
    },
    client: {
      ipAddress: '',
      userAgent: 'gatehouse command line',
      locale: 'en',
      requestId: uuidv4(),
    },
  };
}
