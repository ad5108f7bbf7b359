/** `keys list` and `keys rotate`: the keys that sign access tokens. */

import type { CommandModule } from 'yargs';
import type { SigningKeySummary } from '../../features/sessions/signing-keys.ts';
import { publicKeysMaxAgeSeconds } from '../../features/sessions/signing-keys.ts';
import { commandGroup } from '../command-group.ts';
import { type GlobalArguments, print, withAppContext } from '../context.ts';
import { type Column, formatOf, type ListArguments, listOptions, printList } from '../listing.ts';
import { UsageError } from '../usage.ts';

interface RotateArguments extends GlobalArguments {
  readonly lead: string;
}

/** Whoever keeps our public keys has asked again by then. */
const leadSeconds = 2 * publicKeysMaxAgeSeconds;

const columns: readonly Column<SigningKeySummary>[] = [
  { name: 'keyId', title: 'KEY', isWhole: true, value: ({ keyId }) => keyId },
  { name: 'state', title: 'STATE', value: ({ state }) => state },
  { name: 'createdAt', title: 'CREATED', value: ({ createdAt }) => createdAt },
  { name: 'signsFrom', title: 'SIGNS FROM', value: ({ signsFrom }) => signsFrom },
  {
    name: 'verifiesUntil',
    title: 'VERIFIES UNTIL',
    value: ({ verifiesUntil }) => verifiesUntil ?? null,
  },
];

const listKeys: CommandModule<GlobalArguments, ListArguments> = {
  command: 'list',
  describe: 'List the keys, newest first',
  builder: listOptions,
  handler: async (given) => {
    const format = formatOf(given);
    const keys = await withAppContext(given.terminal, ({ signingKeys }) => signingKeys.list(), {
      purpose: 'read',
    });
    await printList([keys], columns, { format, stdout: given.terminal.stdout });
  },
};

const rotateKeys: CommandModule<GlobalArguments, RotateArguments> = {
  command: 'rotate',
  describe: 'Publish a new key, which begins to sign later',
  builder: (argv) =>
    argv.option('lead', {
      type: 'string',
      default: String(leadSeconds),
      describe:
        'Seconds from its publication until it signs; 0 where the old key is not to be trusted',
    }),
  handler: async ({ lead, ...given }) => {
    // A number would make 0 of an empty text, which throws the present key away.
    if (!/^\d{1,9}$/.test(lead)) throw new UsageError('--lead takes seconds, 0 or more.');
    const key = await withAppContext(given.terminal, ({ signingKeys }) =>
      signingKeys.rotate(Number(lead)),
    );
    print({ text: line(key), json: key }, given);
  },
};

export const keysCommand = commandGroup({
  name: 'keys',
  describe: 'List or rotate the keys that sign access tokens',
  commands: (argv) => argv.command(listKeys).command(rotateKeys),
});

function line({ keyId, state, signsFrom, verifiesUntil }: SigningKeySummary): string {
  const end = verifiesUntil ? `, verifies until ${verifiesUntil.toISOString()}` : '';
  return `${keyId}  ${state}, signs from ${signsFrom.toISOString()}${end}`;
}
