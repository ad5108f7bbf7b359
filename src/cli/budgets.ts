/** `budgets show`, `budgets reset`: who has tried too often, and letting them try again. */

import { isIP } from 'node:net';
import type { CommandModule } from 'yargs';
import { type BudgetTable, budgetNames } from '../core/attempt-budgets.ts';
import { networkOf } from '../core/network.ts';
import { parseFields, parseLoginName, refuse } from '../core/parse.ts';
import type { Budgets, Claim } from '../db/budgets.ts';
import { accountOf } from '../features/attempts/attempts.ts';
import type { House } from '../house.ts';
import { commandGroup } from './command-group.ts';
import { limitOption, parseLimit } from './listing.ts';
import { UsageError } from './usage.ts';
import { type GlobalArguments, print, withHouse } from './with-house.ts';

interface ShowArguments extends GlobalArguments {
  readonly account: string | undefined;
  readonly network: string | undefined;
  readonly limit: string;
}

interface ResetArguments extends GlobalArguments {
  readonly account: string | undefined;
  readonly network: string | undefined;
  readonly all: boolean;
}

interface Row {
  readonly budget: string;
  /** A network as it is, an account as a digest. */
  readonly key: string;
  readonly spent: number;
  readonly of: number;
  readonly fullAt: Date;
}

const ofAccount = {
  type: 'string',
  requiresArg: true,
  describe: 'Address or username, whether there is such an account or not',
} as const;
const ofNetwork = {
  type: 'string',
  requiresArg: true,
  describe: 'An IP address; with --account, its attempts on that account',
} as const;

const showCommand: CommandModule<GlobalArguments, ShowArguments> = {
  command: 'show',
  describe: 'Show what was spent: the fullest buckets, or those of an account or network',
  builder: (argv) =>
    argv
      .option('account', ofAccount)
      .option('network', ofNetwork)
      .option('limit', { ...limitOption, default: '20', describe: 'So many of the fullest' }),
  handler: async ({ account, network, limit: limitText, ...given }) => {
    const limit = parseLimit(limitText);
    const look = async (house: House) => {
      const { budgets, table } = required(house);
      return account === undefined && network === undefined
        ? fullest(budgets, table, limit)
        : looked(budgets, table, claimsOf(house, { account, network }));
    };
    const rows = await withHouse(given.terminal, look, { purpose: 'read' });
    print({ text: rows.map(lineOf).join('\n') || 'Nothing is spent.', json: rows }, given);
  },
};

const resetCommand: CommandModule<GlobalArguments, ResetArguments> = {
  command: 'reset',
  describe: 'Let an account, a network or everybody try again at once',
  builder: (argv) =>
    argv
      .option('account', ofAccount)
      .option('network', ofNetwork)
      .option('all', { type: 'boolean', default: false, describe: 'Every bucket there is' }),
  handler: async ({ account, network, all, ...given }) => {
    if (all === (account !== undefined || network !== undefined)) {
      throw new UsageError('Say --account, --network or both, or --all.');
    }
    const reset = await withHouse(given.terminal, async (house) => {
      const { budgets } = required(house);
      if (all) return budgets.clear();
      const claims = claimsOf(house, { account, network });
      await budgets.reset(claims);
      return claims.length;
    });
    print(
      { text: `Emptied ${reset} ${reset === 1 ? 'bucket' : 'buckets'}.`, json: { reset } },
      given,
    );
  },
};

export const budgetsCommand = commandGroup({
  name: 'budgets',
  describe: 'Show or reset what was spent of the attempt budgets',
  commands: (argv) => argv.command(showCommand).command(resetCommand),
});

function required({ budgets, config }: House) {
  const { attemptBudgets: table } = config;
  if (budgets && table) return { budgets, table };
  throw new UsageError('ATTEMPT_BUDGETS is off: nothing is counted.');
}

function claimsOf(
  { attempts }: House,
  { account, network }: { account: string | undefined; network: string | undefined },
): readonly Claim[] {
  const parsed = parseFields({
    account: () => account && (parseLoginName(account) ?? refuse('Is no address or username.')),
    network: () => network && (isIP(network) ? networkOf(network) : refuse('Is no IP address.')),
  });
  return attempts.bucketsOf({
    ...(parsed.account ? { account: accountOf(parsed.account) } : {}),
    ...(parsed.network ? { network: parsed.network } : {}),
  });
}

async function looked(
  budgets: Budgets,
  table: BudgetTable,
  claims: readonly Claim[],
): Promise<Row[]> {
  const rows = await Promise.all(
    claims.map(async ({ budget, key }) => {
      const found = await budgets.look({ budget, key });
      const of = table[budget].points;
      return found && { budget, key, spent: of - found.left, of, fullAt: found.fullAt };
    }),
  );
  return rows.filter((row) => row !== undefined);
}

async function fullest(budgets: Budgets, table: BudgetTable, limit: number): Promise<Row[]> {
  const buckets = await budgets.fullest(limit);
  return buckets.flatMap(({ key: id, points, expiresAt }) => {
    const budget = budgetNames.find((name) => id.startsWith(`${name}:`));
    if (budget === undefined) return [];
    const { points: of } = table[budget];
    return [{ budget, key: id.slice(budget.length + 1), spent: points, of, fullAt: expiresAt }];
  });
}

function lineOf({ budget, key, spent, of, fullAt }: Row): string {
  return `${budget}  ${key}  ${spent} of ${of} spent, full again at ${fullAt.toISOString()}`;
}
