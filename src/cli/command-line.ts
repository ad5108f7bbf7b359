/**
 * The command line: its commands, and the exit code of one run. A command imports the parts of the
 * service that only it needs when it runs, so that help and other commands start fast.
 */
import yargs, { type Argv } from 'yargs';
import { packageVersion } from '../core/package.ts';
import { bindValues, type GlobalArguments, withoutValues } from './arguments.ts';
import { apiKeysCommand } from './commands/api-keys.ts';
import { applyCommand } from './commands/apply.ts';
import { auditCommand } from './commands/audit.ts';
import { doctorCommand } from './commands/doctor/doctor.ts';
import { exportCommand } from './commands/export/export.ts';
import { groupsCommand } from './commands/groups.ts';
import { importCommand } from './commands/import/import.ts';
import { keysCommand } from './commands/keys.ts';
import { mailCommand } from './commands/mail.ts';
import { migrateCommand } from './commands/migrate.ts';
import { permissionsCommand } from './commands/permissions.ts';
import { rateLimitsCommand } from './commands/rate-limits.ts';
import { registrationsCommand } from './commands/registrations.ts';
import { serveCommand } from './commands/serve.ts';
import { serviceAccountsCommand } from './commands/service-accounts.ts';
import { sessionsCommand } from './commands/sessions.ts';
import { calibrateHash } from './commands/standalone/calibrate-hash.ts';
import { completionCommand, completionRequest } from './commands/standalone/completion.ts';
import { schemaCommand } from './commands/standalone/schema.ts';
import {
  activateUser,
  createStaffUser,
  createSuperuser,
  createUser,
  initDefaultAdmin,
} from './commands/users/create.ts';
import { usersCommand } from './commands/users/users.ts';
import { describeFailure, UsageError } from './errors.ts';
import { printError, printLine, type Terminal, watchOutput } from './io.ts';

/** Runs one command to its end, and sets `terminal.exitCode`. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<void> {
  const output = watchOutput(terminal);
  try {
    rejectTerminalOption(argv);
    const isCompletion = argv[0] === completionRequest;
    const words = isCompletion ? [...argv] : bindValues(argv);
    // With a callback the parser returns its help instead of printing it.
    await commandLine(argv).parseAsync(words, { terminal }, (_error, _parsed, help) => {
      if (help !== '') printLine(terminal, help);
    });
  } catch (error) {
    const { exitCode, lines } = describeFailure(error);
    for (const line of lines) printError(terminal, line);
    terminal.exitCode = exitCode;
  }
  if (await output.hasFailed()) terminal.exitCode ||= 1;
}

/** The parser would accept an option with the name of the `terminal` value that is passed to it. */
function rejectTerminalOption(argv: readonly string[]): void {
  if (argv.some((word) => /^--(no-)?terminal\b/.test(word))) {
    throw new UsageError('Unknown option: --terminal');
  }
}

/** The names of the command before its arguments, from the first line of its help: a text, contrary to the types. */
function commandOf(help: unknown): string | undefined {
  return /^gatehouse(?: [a-z-]+)*/.exec(String(help))?.[0];
}

function commandLine(argv: readonly string[]): Argv<GlobalArguments> {
  const options = yargs().scriptName('gatehouse').usage('$0 <command>').option('json', {
    type: 'boolean',
    default: false,
    describe: 'Print machine-readable output',
  }) as Argv<GlobalArguments>; // parseAsync adds the terminal
  return options
    .command(serveCommand)
    .command(migrateCommand)
    .command(createUser)
    .command(createStaffUser)
    .command(createSuperuser)
    .command(activateUser)
    .command(initDefaultAdmin)
    .command(auditCommand)
    .command(rateLimitsCommand)
    .command(usersCommand)
    .command(sessionsCommand)
    .command(groupsCommand)
    .command(permissionsCommand)
    .command(registrationsCommand)
    .command(serviceAccountsCommand)
    .command(apiKeysCommand)
    .command(applyCommand)
    .command(importCommand)
    .command(exportCommand)
    .command(keysCommand)
    .command(mailCommand)
    .command(doctorCommand)
    .command(calibrateHash)
    .command(schemaCommand)
    .command(completionCommand)
    .demandCommand(1, 'Name the command to run.')
    .strict()
    .recommendCommands()
    .help()
    .version('version', 'Print the version', packageVersion())
    .exitProcess(false)
    .fail((message, error, usage) => {
      // An error of the parser is a message only, or a YError.
      if (error && error.name !== 'YError') throw error;
      const text = withoutValues(message ?? error?.message, argv);
      throw new UsageError(text, commandOf(usage.help()));
    });
}
