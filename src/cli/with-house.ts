/** Opens the house for one command and leaves it again, whatever happens. */
import { deliverDue, type House, openHouse } from '../app.ts';
import { readConfig } from '../core/config.ts';
import { createLog } from '../core/log.ts';

/** Options of every command. */
export interface GlobalArguments {
  readonly json: boolean;
}

/** Milliseconds; what could not be sent by then is sent by the server, or by the next command. */
const deliveryPatience = 10_000;

/** Runs `work` in a database context; mails that it caused go out before the command ends. */
export async function withHouse<Result>(work: (house: House) => Promise<Result>): Promise<Result> {
  const config = readConfig();
  const log = createLog({ isReadable: config.debug, level: 'warn', toStderr: true });
  const house = await openHouse({ config, log });
  try {
    const result = await house.unitOfWork.inContext(() => work(house));
    await deliverWithin(house, deliveryPatience);
    return result;
  } finally {
    await house.close();
  }
}

async function deliverWithin(house: House, milliseconds: number): Promise<void> {
  const patience = AbortSignal.timeout(milliseconds);
  const lateness = new Promise((resolve) => patience.addEventListener('abort', resolve));
  await Promise.race([deliverDue(house), lateness]);
}

/** Prints a result for people or, asked for JSON, for programs. */
export function print(
  result: { readonly text: string; readonly json: object },
  isJson: boolean,
): void {
  console.log(isJson ? JSON.stringify(result.json) : result.text);
}
