/** `apply -f access.yaml`: brings groups, permissions and grants to the state that a file declares. */
import { readFile } from 'node:fs/promises';
import { parse, YAMLError } from 'yaml';
import type { CommandModule } from 'yargs';
import { Problem } from '../core/errors.ts';
import type { AccessChange } from '../features/administration/access-difference.ts';
import { parseDeclaredAccess } from '../features/administration/declared-access.ts';
import { type Colour, paint } from './listing.ts';
import { createProgress } from './progress.ts';
import { UsageError } from './usage.ts';
import { type GlobalArguments, print, withHouse } from './with-house.ts';

interface ApplyArguments extends GlobalArguments {
  readonly file: string;
  readonly 'dry-run': boolean;
}

const colours: Readonly<Record<AccessChange['sign'], Colour>> = {
  '+': 'green',
  '-': 'red',
  '~': 'yellow',
};

export const applyCommand: CommandModule<GlobalArguments, ApplyArguments> = {
  command: 'apply',
  describe: 'Bring groups, permissions and grants to the state that a file declares',
  builder: (argv) =>
    argv
      .option('file', {
        alias: 'f',
        type: 'string',
        requiresArg: true,
        demandOption: true,
        describe: 'YAML file with permissions, groups and users; - for standard input',
      })
      .option('dry-run', {
        type: 'boolean',
        default: false,
        describe: 'Print the difference and change nothing',
      }),
  handler: async ({ file, dryRun, json }) => {
    const declared = parseDeclaredAccess(parseYaml(await readText(file)));
    const changes = await withHouse(async ({ accessDeclarations }, context) => {
      if (dryRun) return accessDeclarations.compareAccess(declared, context);
      using progress = createProgress('Applying');
      return await accessDeclarations.applyAccess(declared, context, progress.show);
    });
    print({ text: textOf(changes, dryRun), json: { isDryRun: dryRun, changes } }, json);
  },
};

async function readText(file: string): Promise<string> {
  if (typeof file !== 'string') throw new UsageError('--file is given twice.');
  if (file !== '-') {
    return readFile(file, 'utf8').catch((error: Error) => {
      throw new UsageError(`The file cannot be read: ${error.message}`);
    });
  }
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

/** @throws VALIDATION_FAILED with line and column */
function parseYaml(text: string): unknown {
  try {
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    if (!(error instanceof YAMLError || error instanceof ReferenceError)) throw error;
    const message = error.message.split('\n', 1)[0]?.replace(/:$/, '.') ?? '';
    throw new Problem('VALIDATION_FAILED', { fields: [{ path: 'the file', message }] });
  }
}

function textOf(changes: readonly AccessChange[], isDryRun: boolean): string {
  if (changes.length === 0) return 'Nothing to do.';
  const count = `${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`;
  const end = isDryRun ? `${count} to make; nothing was changed.` : `${count} made.`;
  return [...changes.map(lineOf), end].join('\n');
}

function lineOf(change: AccessChange): string {
  const { sign, of, name } = change;
  return paint(colours[sign], `${sign} ${of} ${name}${detailOf(change)}`);
}

function detailOf({ sign, of, what, value = '', before = '' }: AccessChange): string {
  if (what === undefined) return '';
  if (sign === '~') return `: ${what} "${before}" -> "${value}"`;
  if (of === 'permission') return ` "${value}"`;
  return what === 'description' ? `: description "${value}"` : `: ${what} ${value}`;
}
