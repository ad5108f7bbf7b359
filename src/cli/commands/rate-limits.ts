/** `rate-limits show`, `rate-limits reset`: the attempts that were counted, and letting callers try again. */
import { isIP } from 'node:net';
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import { type Limits, limitNames } from '../../config/rate-limits.ts';
import { networkOf } from '../../core/network.ts';
import { parseFields, parseLoginName, refuse } from '../../core/parse.ts';
import { accountOf } from '../../rate-limit/attempt-limits.ts';
import { type Bucket, idOf } from '../../rate-limit/limiter.ts';
import type { BucketState } from '../../rate-limit/store.ts';
import { commandGroup } from '../command-group.ts';
import { type GlobalArguments, print, withAppContext } from '../context.ts';
import {
  type Column,
  formatOf,
  type ListArguments,
  limitOption,
  listOptions,
  parseLimit,
  printList,
} from '../listing.ts';
import { type ConfirmedArguments, confirm, requireConfirmable, yesOption } from '../prompts.ts';
import { UsageError } from '../usage.ts';

interface ShowArguments extends ListArguments {
  readonly account: string | undefined;
  readonly network: string | undefined;
  readonly limit: string;
}

interface ResetArguments extends ConfirmedArguments {
  readonly account: string | undefined;
  readonly network: string | undefined;
  readonly all: boolean;
}

interface Row {
  readonly limit: string;
  /** A network as it is, an account as a digest. */
  readonly key: string;
  readonly used: number;
  readonly of: number;
  readonly endsAt: Date;
}

const columns: readonly Column<Row>[] = [
  { name: 'limit', title: 'LIMIT', value: ({ limit }) => limit },
  { name: 'key', title: 'KEY', isWhole: true, value: ({ key }) => key },
  { name: 'used', title: 'USED', value: ({ used }) => used },
  { name: 'of', title: 'OF', value: ({ of }) => of },
  { name: 'endsAt', title: 'EMPTY AGAIN', value: ({ endsAt }) => endsAt },
];

const accountOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Address or username, whether there is such an account or not',
} as const;
const networkOption = {
  type: 'string',
  requiresArg: true,
  describe: 'An IP address; with --account, its attempts on that account',
} as const;

const showCommand: CommandModule<GlobalArguments, ShowArguments> = {
  command: 'show',
  describe: 'Show the fullest buckets, or those of an account or network',
  builder: (argv) =>
    listOptions(argv)
      .option('account', accountOption)
      .option('network', networkOption)
      .option('limit', { ...limitOption, default: '20', describe: 'So many of the fullest' }),
  handler: async ({ account, network, limit: limitText, ...given }) => {
    const limit = parseLimit(limitText);
    const format = formatOf(given);
    const read = async (app: AppContext) => {
      const { rateLimiter, limits } = required(app);
      const states =
        account === undefined && network === undefined
          ? await rateLimiter.fullest(limit)
          : await readInOrder(app, bucketsOf(app, { account, network }));
      return states.flatMap((state) => rowsOf(state, limits));
    };
    const rows = await withAppContext(given.terminal, read, { purpose: 'read' });
    await printList([rows], columns, { format, stdout: given.terminal.stdout });
  },
};

const resetCommand: CommandModule<GlobalArguments, ResetArguments> = {
  command: 'reset',
  describe: 'Let an account, a network or everybody try again at once',
  builder: (argv) =>
    argv
      .option('account', accountOption)
      .option('network', networkOption)
      .option('all', { type: 'boolean', default: false, describe: 'Every bucket there is' })
      .option('yes', yesOption),
  handler: async ({ account, network, all, ...given }) => {
    if (all === (account !== undefined || network !== undefined)) {
      throw new UsageError('Give --account, --network or both, or --all.');
    }
    if (all) requireConfirmable(given);
    const reset = await withAppContext(given.terminal, async (app) => {
      const { rateLimiter } = required(app);
      if (all) {
        await confirm('Reset all buckets of all accounts and networks?', given);
        return rateLimiter.clear();
      }
      const buckets = bucketsOf(app, { account, network });
      await rateLimiter.reset(buckets);
      return buckets.length;
    });
    print(
      { text: `Reset ${reset} ${reset === 1 ? 'bucket' : 'buckets'}.`, json: { reset } },
      given,
    );
  },
};

export const rateLimitsCommand = commandGroup({
  name: 'rate-limits',
  describe: 'Show or reset the attempts that the rate limits have counted',
  commands: (argv) => argv.command(showCommand).command(resetCommand),
});

function required({ rateLimiter, config }: AppContext) {
  const { rateLimits: limits } = config;
  if (rateLimiter && limits) return { rateLimiter, limits };
  throw new UsageError('RATE_LIMITS is off: attempts are not counted.');
}

function bucketsOf(
  { attemptLimits }: AppContext,
  { account, network }: { account: string | undefined; network: string | undefined },
): readonly Bucket[] {
  const parsed = parseFields({
    account: () => account && (parseLoginName(account) ?? refuse('Is no address or username.')),
    network: () => network && (isIP(network) ? networkOf(network) : refuse('Is no IP address.')),
  });
  return attemptLimits.bucketsOf({
    ...(parsed.account ? { account: accountOf(parsed.account) } : {}),
    ...(parsed.network ? { network: parsed.network } : {}),
  });
}

async function readInOrder(app: AppContext, buckets: readonly Bucket[]): Promise<BucketState[]> {
  const states = await required(app).rateLimiter.read(buckets);
  return buckets.flatMap((bucket) => states.find(({ key }) => key === idOf(bucket)) ?? []);
}

/** None for a bucket of a limit that this version does not know. */
function rowsOf({ key: id, used, endsAt }: BucketState, limits: Limits): Row[] {
  const limit = limitNames.find((name) => id.startsWith(`${name}:`));
  if (limit === undefined) return [];
  return [{ limit, key: id.slice(limit.length + 1), used, of: limits[limit].points, endsAt }];
}
