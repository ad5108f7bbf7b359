/** `rate-limits show` and `rate-limits reset`: the counted attempts of accounts and networks. */

import { isIP } from 'node:net';
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import { type LimitName, type Limits, limitNames } from '../../config/rate-limits.ts';
import { networkOf } from '../../core/network.ts';
import { parseFields, parseLoginName, rejectValue } from '../../core/parse.ts';
import { countText } from '../../core/text.ts';
import { accountOf } from '../../rate-limit/attempt-limits.ts';
import { type Bucket, idOf } from '../../rate-limit/limiter.ts';
import type { BucketState } from '../../rate-limit/store.ts';
import {
  commandGroup,
  type GlobalArguments,
  type ListArguments,
  limitOption,
  listOptions,
  parseFormat,
  parseLimit,
} from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { type Column, print, printList } from '../output.ts';
import { type ConfirmedArguments, confirm, requireConfirmable, yesOption } from '../prompts.ts';

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
  /** The network in plain text, the account as a digest. */
  readonly key: string;
  readonly used: number;
  readonly of: number;
  readonly endsAt: Date;
}

const columns: readonly Column<Row>[] = [
  { name: 'limit', title: 'LIMIT', value: ({ limit }) => limit },
  { name: 'key', title: 'KEY', isNeverCut: true, value: ({ key }) => key },
  { name: 'used', title: 'USED', value: ({ used }) => used },
  { name: 'of', title: 'OF', value: ({ of }) => of },
  { name: 'endsAt', title: 'ENDS', value: ({ endsAt }) => endsAt },
];

const accountOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Email address or username; the account need not exist',
} as const;
const networkOption = {
  type: 'string',
  requiresArg: true,
  describe: 'IP address; with --account only its attempts on that account',
} as const;

const showCommand: CommandModule<GlobalArguments, ShowArguments> = {
  command: 'show',
  describe: 'Show the fullest buckets, or the buckets of an account or network',
  builder: (argv) =>
    listOptions(argv)
      .option('account', accountOption)
      .option('network', networkOption)
      .option('limit', { ...limitOption, default: '20', describe: 'Maximum number of buckets' }),
  handler: async ({ account, network, limit: limitText, ...args }) => {
    const limit = parseLimit(limitText);
    const format = parseFormat(args);
    const read = async (app: AppContext) => {
      const { rateLimiter, limits } = requireRateLimits(app);
      const states =
        account === undefined && network === undefined
          ? await rateLimiter.fullest(limit)
          : await readBuckets(app, await bucketsOf(app, { account, network }));
      return states.flatMap((state) => rowsOf(state, limits));
    };
    const rows = await withAppContext(args.terminal, read, { purpose: 'read' });
    await printList([rows], columns, { format, stdout: args.terminal.stdout });
  },
};

const resetCommand: CommandModule<GlobalArguments, ResetArguments> = {
  command: 'reset',
  describe: 'Reset the counted attempts of an account, a network or all',
  builder: (argv) =>
    argv
      .option('account', accountOption)
      .option('network', networkOption)
      .option('all', { type: 'boolean', default: false, describe: 'All buckets' })
      .option('yes', yesOption),
  handler: async ({ account, network, all, ...args }) => {
    if (all === (account !== undefined || network !== undefined)) {
      throw new UsageError('Give --account, --network or both, or --all.');
    }
    if (all) requireConfirmable(args);
    const reset = await withAppContext(args.terminal, async (app) => {
      const { rateLimiter } = requireRateLimits(app);
      if (all) {
        await confirm('Reset all buckets of all accounts and networks?', args);
        return { count: await rateLimiter.clear() };
      }
      const buckets = await bucketsOf(app, { account, network });
      const states = await readBuckets(app, buckets);
      await rateLimiter.reset(buckets);
      return { count: states.length, limits: limitsOf(states) };
    });
    const { count, limits } = reset;
    const named = limits && limits.length > 0 ? `: ${limits.join(', ')}` : '';
    print(
      {
        text: `Reset ${countText(count, 'bucket', 'buckets')}${named}.`,
        json: { reset: count, ...(limits && { limits }) },
      },
      args,
    );
  },
};

export const rateLimitsCommand = commandGroup({
  name: 'rate-limits',
  describe: 'Show or reset the attempts that the rate limits counted',
  commands: (argv) => argv.command(showCommand).command(resetCommand),
});

/** @throws UsageError when RATE_LIMITS is off */
function requireRateLimits({ rateLimiter, config }: AppContext) {
  const { rateLimits: limits } = config;
  if (rateLimiter && limits) return { rateLimiter, limits };
  throw new UsageError('RATE_LIMITS is off: attempts are not counted.');
}

function bucketsOf(
  { attemptLimits }: AppContext,
  { account, network }: { account: string | undefined; network: string | undefined },
): Promise<readonly Bucket[]> {
  const parsed = parseFields({
    account: () =>
      account && (parseLoginName(account) ?? rejectValue('Is not an email address or username.')),
    network: () =>
      network && (isIP(network) ? networkOf(network) : rejectValue('Is not an IP address.')),
  });
  return attemptLimits.bucketsOf({
    ...(parsed.account ? { account: accountOf(parsed.account) } : {}),
    ...(parsed.network ? { network: parsed.network } : {}),
  });
}

/** The states of buckets in their order, without empty buckets. */
async function readBuckets(app: AppContext, buckets: readonly Bucket[]): Promise<BucketState[]> {
  const states = await requireRateLimits(app).rateLimiter.inspect(buckets);
  return buckets.flatMap((bucket) => states.find(({ key }) => key === idOf(bucket)) ?? []);
}

function limitOf({ key: id }: Pick<BucketState, 'key'>): LimitName | undefined {
  return limitNames.find((name) => id.startsWith(`${name}:`));
}

/** The names of the limits of buckets, each once. */
function limitsOf(states: readonly BucketState[]): readonly LimitName[] {
  return [...new Set(states.flatMap((state) => limitOf(state) ?? []))];
}

/** The row of a bucket; none for a bucket of a limit that this release does not have. */
function rowsOf({ key: id, used, endsAt }: BucketState, limits: Limits): Row[] {
  const limit = limitOf({ key: id });
  if (limit === undefined) return [];
  return [{ limit, key: id.slice(limit.length + 1), used, of: limits[limit].points, endsAt }];
}
