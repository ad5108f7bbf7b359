/** `export users`: writes all accounts in a format that `import users` reads. */
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../../bootstrap/app-context.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import { countText } from '../../../core/text.ts';
import {
  createExportLines,
  type ExportFormat,
  exportFormats,
} from '../../../features/user-export/lines.ts';
import type { GlobalArguments } from '../../arguments.ts';
import { withAppContext } from '../../context.ts';
import { UsageError } from '../../errors.ts';
import { allowHeapGrowth } from '../../heap.ts';
import { createProgress, type Progress } from '../../io.ts';
import { print, write } from '../../output.ts';
import { writePrivateFile } from '../../private-file.ts';
import { outputOption } from './output-option.ts';

interface ExportArguments extends GlobalArguments {
  readonly format: ExportFormat;
  readonly 'with-password-hashes': boolean;
  readonly output: string | undefined;
}

interface Settings {
  readonly format: ExportFormat;
  readonly withPasswordHashes: boolean;
}

export const exportUsers: CommandModule<GlobalArguments, ExportArguments> = {
  command: 'users',
  describe: 'Write all accounts as JSON lines or CSV, which import users reads',
  builder: (argv) =>
    argv
      .option('format', {
        choices: exportFormats,
        default: 'jsonl' as const,
        requiresArg: true,
        describe: 'Format of the file',
      })
      .option('with-password-hashes', {
        type: 'boolean',
        default: false,
        describe: 'Write the hashes of the passwords too',
      })
      .option('output', outputOption),
  handler: async ({ format, withPasswordHashes, output, ...args }) => {
    allowHeapGrowth();
    const { terminal } = args;
    if (withPasswordHashes && output === undefined && terminal.stdout.isTTY) {
      throw new UsageError('Password hashes are not printed at a terminal: give --output.');
    }
    const settings = { format, withPasswordHashes };
    const run = (writeText: WriteText, progress: Progress | undefined) =>
      withAppContext(terminal, (app, context) =>
        writeUsers(settings, { app, context, writeText, progress }),
      );
    if (output === undefined) {
      using progress = terminal.stdout.isTTY
        ? undefined
        : createProgress('Exporting', terminal.stderr);
      await run((text) => write(text, terminal.stdout), progress);
      return;
    }
    const count = await writePrivateFile(output, async (file) => {
      using progress = createProgress('Exporting', terminal.stderr);
      return await run(async (text) => {
        await file.write(text);
        return true;
      }, progress);
    });
    print(
      {
        text: `Wrote ${countText(count, 'user', 'users')} to ${output}.`,
        json: { file: output, count },
      },
      args,
    );
  },
};

/** Resolves when the text is written; false when the reader has gone. */
type WriteText = (text: string) => Promise<boolean>;

/** Returns the number of written accounts. */
async function writeUsers(
  settings: Settings,
  {
    app,
    context,
    writeText,
    progress,
  }: {
    readonly app: AppContext;
    readonly context: RequestContext;
    readonly writeText: WriteText;
    readonly progress: Progress | undefined;
  },
): Promise<number> {
  const { userExports } = app.admin;
  const lines = await createExportLines(settings.format, settings.withPasswordHashes);
  const total = await userExports.countUsers(context);
  let count = 0;
  if (!(await writeText(lines.header))) return count;
  for await (const page of userExports.exportUsers(settings, context)) {
    if (!(await writeText(lines.format(page)))) return count;
    count += page.length;
    progress?.show(count, Math.max(count, total));
  }
  return count;
}
