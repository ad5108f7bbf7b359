/** Opens database and services for one command, and closes them again in every case. */

import { v4 as uuidv4 } from 'uuid';
import type { House, Purpose } from '../bootstrap/app-context.ts';
import { readConfig } from '../config/config.ts';
import { type Context, onBehalfOf } from '../core/request-context.ts';
import { printableJson } from '../core/text.ts';
import { commandPatience } from '../database/timeouts.ts';
import { operatorId } from '../features/audit/audit.ts';
import { createLog } from '../observability/log.ts';
import { complain, say, type Terminal } from './io.ts';

/** What every command is given: an option, and where it runs. */
export interface GlobalArguments {
  readonly json: boolean;
  readonly terminal: Terminal;
}

/** Milliseconds that a mail server may be silent, and that a command waits for its mails in all. */
const mailPatience = 4000;
const deliveryPatience = 6000;

/**
 * Runs `work` on behalf of the operator, in a database context. Mails that a change caused go out before
 * the command ends; with another purpose no job is done.
 */
export async function withHouse<Result>(
  terminal: Terminal,
  work: (house: House, context: Context) => Promise<Result>,
  { purpose = 'change' }: { readonly purpose?: Exclude<Purpose, 'serve'> } = {},
): Promise<Result> {
  const config = readConfig(terminal.env, terminal.cwd());
  const log = createLog({ isReadable: config.debug, level: 'fatal', stream: terminal.stderr });
  // Loaded here, as help and wrong usage have no use for it, and it is most of what there is to load.
  const [{ openHouse }, { drainJobs }] = await Promise.all([
    import('../bootstrap/app-context.ts'),
    import('../jobs/worker.ts'),
  ]);
  const patience = commandPatience;
  const house = await openHouse({ config, log, mailPatience, patience, purpose });
  try {
    const context = operatorContext();
    const result = await onBehalfOf(context, () =>
      house.unitOfWork.inContext(() => work(house, context)),
    );
    const isAllSent = purpose !== 'change' || (await drainJobs(house.jobs, deliveryPatience));
    if (!isAllSent) {
      complain(terminal, 'A mail could not be sent yet; gatehouse mail list says why.');
    }
    return result;
  } finally {
    await house.close();
  }
}

/** Prints a result for people or, asked for JSON, for programs. */
export function print(
  result: { readonly text: string; readonly json: object },
  { json, terminal }: GlobalArguments,
): void {
  say(terminal, json ? printableJson(JSON.stringify(result.json)) : result.text);
}

export function operatorContext(): Context {
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
