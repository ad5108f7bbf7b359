/** Opens the house for one command and leaves it again, whatever happens. */
import type { Context } from '../core/actor.ts';
import { onBehalfOf } from '../core/ambient.ts';
import { readConfig } from '../core/config.ts';
import { createLog } from '../core/log.ts';
import { drainJobs } from '../db/jobs.ts';
import { type House, openHouse } from '../house.ts';
import { operatorContext } from './operator-context.ts';

/** Options of every command. */
export interface GlobalArguments {
  readonly json: boolean;
}

/** Milliseconds that a mail server may be silent, and that a command waits for its mails in all. */
const mailPatience = 4000;
const deliveryPatience = 6000;

/**
 * Runs `work` on behalf of the operator, in a database context; mails that it caused go out before
 * the command ends.
 */
export async function withHouse<Result>(
  work: (house: House, context: Context) => Promise<Result>,
  { isLookingOnly = false }: { readonly isLookingOnly?: boolean } = {},
): Promise<Result> {
  const config = readConfig();
  const log = createLog({ isReadable: config.debug, level: 'fatal', toStderr: true });
  const house = await openHouse({ config, log, mailPatience });
  try {
    const context = operatorContext();
    const result = await onBehalfOf(context, () =>
      house.unitOfWork.inContext(() => work(house, context)),
    );
    const isAllSent = isLookingOnly || (await drainJobs(house.jobs, deliveryPatience));
    if (!isAllSent) {
      console.error('A mail could not be sent yet; gatehouse mail list says why.');
    }
    return result;
  } finally {
    await house.close();
  }
}

/** Prints a result for people or, asked for JSON, for programs. */
export function print(
  result: { readonly text: string; readonly json: object },
  isJson: boolean,
): void {
  console.log(isJson ? JSON.stringify(result.json) : result.text);
}
