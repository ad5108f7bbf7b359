/** `keys list` and `keys rotate`: the keys that sign access tokens. */
import type { CommandModule } from 'yargs';
import { publicationLeadSeconds } from '../../features/sessions/signing-key-publication.ts';
import type { SigningKeySummary } from '../../features/sessions/signing-keys.ts';
import {
  commandGroup,
  type GlobalArguments,
  type ListArguments,
  listOptions,
  parseFormat,
} from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { type Column, print, printList } from '../output.ts';

interface RotateArguments extends GlobalArguments {
  readonly lead: string;
}

const columns: readonly Column<SigningKeySummary>[] = [
  { name: 'keyId', title: 'KEY', isNeverCut: true, value: ({ keyId }) => keyId },
  { name: 'algorithm', title: 'ALGORITHM', value: ({ algorithm }) => algorithm },
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
  describe: 'List the signing keys, newest first',
  builder: listOptions,
  handler: async (args) => {
    const format = parseFormat(args);
    const keys = await withAppContext(args.terminal, ({ auth }) => auth.signingKeys.list(), {
      purpose: 'read',
    });
    await printList([keys], columns, { format, stdout: args.terminal.stdout });
  },
};

const rotateKeys: CommandModule<GlobalArguments, RotateArguments> = {
  command: 'rotate',
  describe: 'Publish a new key of ACCESS_TOKEN_ALGORITHM, which signs after the lead time',
  builder: (argv) =>
    argv.option('lead', {
      type: 'string',
      default: String(publicationLeadSeconds),
      describe:
        'Seconds from publication to the first signature; 0 if the present key is compromised',
    }),
  handler: async ({ lead, ...args }) => {
    // An option of type number would turn an empty text into 0, which replaces the present key at once.
    if (!/^\d{1,9}$/.test(lead)) throw new UsageError('--lead takes seconds, 0 or more.');
    const key = await withAppContext(args.terminal, ({ auth }) =>
      auth.signingKeys.rotate(Number(lead)),
    );
    print({ text: formatKey(key), json: key }, args);
  },
};

export const keysCommand = commandGroup({
  name: 'keys',
  describe: 'List or rotate the keys that sign access tokens',
  commands: (argv) => argv.command(listKeys).command(rotateKeys),
});

function formatKey({
  keyId,
  algorithm,
  state,
  signsFrom,
  verifiesUntil,
}: SigningKeySummary): string {
  const end = verifiesUntil ? `, verifies until ${verifiesUntil.toISOString()}` : '';
  return `${keyId}  ${algorithm}, ${state}, signs from ${signsFrom.toISOString()}${end}`;
}
