/** `apply -f access.yaml`: brings groups, permissions and grants to the state of an access manifest. */
import { readFile } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import { Problem } from '../../core/errors.ts';
import type { AccessChange } from '../../features/access-manifest/diff.ts';
import type { AccessManifest } from '../../features/access-manifest/manifest.ts';
import type { GlobalArguments } from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { createProgress, decodeInput, type Output, readAll, type Terminal } from '../io.ts';
import { type Color, colorize, print } from '../output.ts';

interface ApplyArguments extends GlobalArguments {
  readonly file: string;
  readonly 'dry-run': boolean;
}

const colors: Readonly<Record<AccessChange['sign'], Color>> = {
  '+': 'green',
  '-': 'red',
  '~': 'yellow',
};

export const applyCommand: CommandModule<GlobalArguments, ApplyArguments> = {
  command: 'apply',
  describe: 'Bring groups, permissions and grants to the state of an access manifest',
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
  handler: async ({ file, dryRun, ...args }) => {
    const { terminal } = args;
    const manifest = await readManifest(await readText(file, terminal.stdin));
    const changes = await withAppContext(
      terminal,
      async ({ admin }, context) => {
        if (dryRun) return admin.manifest.compareAccess(manifest, context);
        using progress = createProgress('Applying', terminal.stderr);
        return await admin.manifest.applyAccess(manifest, context, progress.show);
      },
      { purpose: dryRun ? 'read' : 'change' },
    );
    const text = formatChanges(changes, { isDryRun: dryRun, stdout: terminal.stdout });
    print({ text, json: { isDryRun: dryRun, changes } }, args);
  },
};

async function readText(file: string, stdin: Terminal['stdin']): Promise<string> {
  if (typeof file !== 'string') throw new UsageError('--file is given twice.');
  const name = file === '-' ? 'The input' : file;
  const bytes = file === '-' ? readAll(stdin) : readFile(file);
  const read = await bytes.catch((error: Error) => {
    throw new UsageError(`The file cannot be read: ${error.message}`);
  });
  return decodeInput(name, read);
}

/** @throws VALIDATION_FAILED with the line and column, or with the path in the file */
async function readManifest(text: string): Promise<AccessManifest> {
  const { parseManifest } = await import('../../features/access-manifest/manifest.ts');
  return parseManifest(await parseYaml(text));
}

async function parseYaml(text: string): Promise<unknown> {
  const { parse, YAMLError } = await import('yaml');
  try {
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    if (!(error instanceof YAMLError || error instanceof ReferenceError)) throw error;
    const message = error.message.split('\n', 1)[0]?.replace(/:$/, '.') ?? '';
    throw new Problem('VALIDATION_FAILED', { fields: [{ path: 'the file', message }] });
  }
}

function formatChanges(
  changes: readonly AccessChange[],
  { isDryRun, stdout }: { readonly isDryRun: boolean; readonly stdout: Output },
): string {
  if (changes.length === 0) return 'Nothing to do.';
  const count = `${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`;
  const summary = isDryRun ? `${count} to make; nothing was changed.` : `${count} made.`;
  return [...changes.map((change) => formatChange(change, stdout)), summary].join('\n');
}

function formatChange(change: AccessChange, stdout: Output): string {
  const { sign, of, name } = change;
  return colorize(colors[sign], `${sign} ${of} ${name}${changeDetails(change)}`, stdout);
}

function changeDetails({ sign, of, what, value = '', before = '' }: AccessChange): string {
  if (what === undefined) return '';
  if (sign === '~') return `: ${what} "${before}" -> "${value}"`;
  if (of === 'permission') return ` "${value}"`;
  return what === 'description' ? `: description "${value}"` : `: ${what} ${value}`;
}
