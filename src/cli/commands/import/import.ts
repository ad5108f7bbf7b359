/** `import users`: people of another system move in with their passwords. */
import type { Argv, CommandModule } from 'yargs';
import { type Config, readConfig } from '../../../config/config.ts';
import { Problem } from '../../../core/errors.ts';
import {
  type FormatName,
  formatNames,
} from '../../../features/user-import/formats/format-names.ts';
import type {
  ImportOptions,
  ImportProgress,
  ImportResult,
  OtherImport,
} from '../../../features/user-import/request.ts';
import { commandGroup, type GlobalArguments } from '../../arguments.ts';
import { withAppContext } from '../../context.ts';
import { UsageError } from '../../errors.ts';
import { allowHeapGrowth } from '../../heap.ts';
import { type EndSignal, printError, untilSignalled } from '../../io.ts';
import { print } from '../../output.ts';
import { formatOther } from './other-import.ts';
import { createImportProgress } from './progress.ts';
import { readerInputOf } from './reader-options.ts';
import { formatResult } from './result.ts';

const conflictChoices = ['fail', 'skip', 'update'] as const;
const inactiveChoices = ['disabled', 'pending'] as const;

interface ImportArguments extends GlobalArguments {
  readonly file: string;
  readonly format: FormatName | undefined;
  readonly 'dry-run': boolean;
  readonly 'on-conflict': (typeof conflictChoices)[number];
  readonly inactive: (typeof inactiveChoices)[number];
  readonly 'emails-verified': boolean;
  readonly 'allow-weak-hashes': boolean;
  readonly 'hash-config': string | undefined;
  readonly 'user-model': string | undefined;
  readonly report: string | undefined;
}

const importUsers: CommandModule<GlobalArguments, ImportArguments> = {
  command: 'users <file>',
  describe: 'Import the people of a file, with the hashes of their passwords',
  builder: importOptions,
  handler: async (args) => {
    allowHeapGrowth();
    const { terminal } = args;
    const end = new AbortController();
    let signal: EndSignal | undefined;
    const done = new AbortController();
    using _listening = { [Symbol.dispose]: () => done.abort() };
    void untilSignalled(undefined, done.signal).then((received) => {
      signal = received;
      printError(terminal, 'Stopping after this batch …');
      end.abort();
    });
    const startedAt = performance.now();
    const { result, unit } = await runImport(args, end.signal);
    const seconds = (performance.now() - startedAt) / 1000;
    const isDryRun = args['dry-run'];
    const text = formatResult(result, { isDryRun, report: args.report, seconds, unit });
    const { tally, created: createdAccess, ...rest } = result;
    const { counts, reasons } = tally;
    print({ text, json: { isDryRun, ...rest, ...counts, seconds, createdAccess, reasons } }, args);
    if (!result.isFinished) {
      printError(terminal, 'The import was interrupted. The same command continues it.');
    }
    terminal.exitCode = exitCodeOf(result, signal);
  },
};

export const importCommand = commandGroup({
  name: 'import',
  describe: 'Move people in from another system',
  commands: (argv) => argv.command(importUsers),
});

function importOptions(argv: Argv<GlobalArguments>): Argv<ImportArguments> {
  return argv
    .positional('file', { type: 'string', demandOption: true, describe: 'The file to read' })
    .option('format', {
      choices: formatNames,
      requiresArg: true,
      describe: 'Format of the file, if its beginning does not tell it',
    })
    .option('dry-run', {
      type: 'boolean',
      default: false,
      describe: 'Check everything and write nothing',
    })
    .option('on-conflict', {
      choices: conflictChoices,
      default: 'fail' as const,
      requiresArg: true,
      describe: 'What happens to people who have an account here',
    })
    .option('inactive', {
      choices: inactiveChoices,
      default: 'disabled' as const,
      requiresArg: true,
      describe: 'Status of people who are marked as inactive without a reason',
    })
    .option('emails-verified', {
      type: 'boolean',
      default: false,
      describe: 'The other system had verified the addresses of its active accounts',
    })
    .option('allow-weak-hashes', {
      type: 'boolean',
      default: false,
      describe: 'Import MD5, SHA-1 and similar hashes, inside of an argon2id hash',
    })
    .option('hash-config', {
      type: 'string',
      requiresArg: true,
      describe: 'File with the parameters of the hashes, for Firebase',
    })
    .option('user-model', {
      type: 'string',
      requiresArg: true,
      describe: 'Model of people, such as users.user, if a dump of Django has several',
    })
    .option('report', {
      type: 'string',
      requiresArg: true,
      describe: 'File for a line about every person that is refused, skipped or changed',
    });
}

const stoppedMessage = 'The import stopped. The same command continues it.';

const noInputMessage =
  'Name a file. It is read twice, so standard input cannot be imported: write the people to a file first.';

async function runImport(args: ImportArguments, signal: AbortSignal) {
  const { terminal } = args;
  if (['', '-'].includes(args.file)) throw new UsageError(noInputMessage, 'gatehouse import users');
  const isDryRun = args['dry-run'];
  printError(terminal, `Database: ${databaseName(readConfig(terminal.env, terminal.cwd()))}`);
  const [{ openImportFile }, { noReportFile, openReportFile }] = await Promise.all([
    import('../../../features/user-import/import-file.ts'),
    import('../../../features/user-import/report-file.ts'),
  ]);
  const reader = await readerInputOf(args);
  await using report =
    args.report === undefined
      ? noReportFile
      : await openReportFile(args.report, { source: args.file, isDryRun });
  const file = await openImportFile(args.file, args.format, reader.options);
  const { format, ...opened } = file;
  const { unit } = file;
  const options: ImportOptions = {
    format,
    onConflict: args['on-conflict'],
    inactive: reader.options.inactive,
    isEmailVerified: reader.options.isEmailVerified,
    allowWeakHashes: args['allow-weak-hashes'],
    hashConfigDigest: reader.hashConfigDigest,
    userModel: args['user-model'] ?? null,
  };
  using progress = createImportProgress(terminal, file.source.total);
  let hasStored = false;
  const onProgress = (state: ImportProgress) => {
    hasStored = !isDryRun;
    progress.show(state);
  };
  const onResume = (position: number) =>
    printError(terminal, `An earlier import of this file continues after ${unit} ${position}.`);
  const onOther = (other: OtherImport) => printError(terminal, formatOther(other, unit));
  const request = { ...opened, options, isDryRun, signal, report, onProgress, onResume, onOther };
  const result = await withAppContext(
    terminal,
    ({ admin }, context) => admin.userImports.importPeople(request, context),
    { purpose: isDryRun ? 'read' : 'change' },
  ).catch((error: unknown) => {
    if (hasStored && !(error instanceof Problem)) printError(terminal, stoppedMessage);
    throw error;
  });
  return { result, unit };
}

/** Where the people go, without a password. */
function databaseName({ database, dataDirectory }: Config): string {
  if (database === undefined) return `embedded in ${dataDirectory}`;
  return `${database.host}:${database.port}/${database.database}`;
}

const exitCodes: Readonly<Record<EndSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

function exitCodeOf({ isFinished, tally }: ImportResult, signal: EndSignal | undefined): number {
  if (!isFinished && signal !== undefined) return exitCodes[signal];
  return tally.counts.refused > 0 ? 1 : 0;
}
