/**
 * The command line: its commands and its exit codes: 0 done, 1 refused, 2 wrong usage, 130 interrupted. What only some commands need is loaded by those, so that the others answer at once.
 */
import yargs, { type Argv } from 'yargs';
import { ConfigError } from '../config/config.ts';
import { Problem } from '../core/errors.ts';
import { packageVersion } from '../core/package.ts';
import { isDatabaseUnavailable } from '../database/connection-errors.ts';
import { applyCommand } from './commands/apply.ts';
import { auditCommand } from './commands/audit.ts';
import { calibrateHash } from './commands/calibrate-hash.ts';
import { doctorCommand } from './commands/doctor/doctor.ts';
import { groupsCommand } from './commands/groups.ts';
import { keysCommand } from './commands/keys.ts';
import { mailCommand } from './commands/mail.ts';
import { migrateCommand } from './commands/migrate.ts';
import { permissionsCommand } from './commands/permissions.ts';
import { rateLimitsCommand } from './commands/rate-limits.ts';
import { registrationsCommand } from './commands/registrations.ts';
import { serveCommand } from './commands/serve.ts';
import { sessionsCommand } from './commands/sessions.ts';
import {
  activateUser,
  createStaffUser,
  createSuperuser,
  createUser,
  initDefaultAdmin,
} from './commands/users/create.ts';
import { usersCommand } from './commands/users/users.ts';
import { completionCommand, completionRequest } from './completion.ts';
import type { GlobalArguments } from './context.ts';
import { printError, printLine, type Terminal, watchOutput } from './io.ts';
import { bindValues, Interrupted, UsageError, withoutValues } from './usage.ts';

/** Options whose value is a text of any kind. */
const textOptions = [
  '--code',
  '--email',
  '--username',
  '--first-name',
  '--last-name',
  '--target',
  '--output',
  '--search',
  '--group',
  '--permission',
  '--permissions',
  '--since',
  '--until',
  '--action',
  '--actor',
  '--port',
  '--host',
  '--name',
  '--codename',
  '--description',
  '--file',
  '-f',
  '--checkpoint',
  '--account',
  '--user',
  '--network',
];

/** Runs one command to its end; how it ended is left in `terminal.exitCode`. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<void> {
  const output = watchOutput(terminal);
  try {
    refuseTerminal(argv);
    const isCompletion = argv[0] === completionRequest;
    const words = isCompletion ? [...argv] : bindValues(argv, textOptions);
    // Given a callback, the parser hands over its help instead of printing it.
    await commandLine(argv).parseAsync(words, { terminal }, (_error, _given, help) => {
      if (help !== '') printLine(terminal, help);
    });
  } catch (error) {
    terminal.exitCode = report(error, terminal);
  }
  if (await output.hasFailed()) terminal.exitCode ||= 1;
}

/** The parser takes an option of the same name as what is handed to it for a known one. */
function refuseTerminal(argv: readonly string[]): void {
  if (argv.some((word) => /^--(no-)?terminal\b/.test(word))) {
    throw new UsageError('Unknown option: --terminal');
  }
}

function commandLine(argv: readonly string[]): Argv<GlobalArguments> {
  const options = yargs().scriptName('gatehouse').usage('$0 <command>').option('json', {
    type: 'boolean',
    default: false,
    describe: 'Print machine-readable output',
  }) as Argv<GlobalArguments>; // the terminal comes with the words that are parsed
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
    .command(applyCommand)
    .command(keysCommand)
    .command(mailCommand)
    .command(doctorCommand)
    .command(calibrateHash)
    .command(completionCommand)
    .demandCommand(1, 'Say which command to run.')
    .strict()
    .recommendCommands()
    .help()
    .version('version', 'Print the version', packageVersion())
    .exitProcess(false)
    .fail((message, error) => {
      // What the parser itself refuses comes with a message, or as its own kind of error.
      const isParsers = !error || error.name === 'YError';
      throw isParsers ? new UsageError(withoutValues(message ?? error?.message, argv)) : error;
    });
}

/** 128 and the number of SIGINT, as shells have it. */
const interruptedCode = 130;

/** Says on stderr what went wrong, and answers the exit code. */
function report(error: unknown, terminal: Terminal): number {
  if (error instanceof UsageError) {
    printError(terminal, `${error.message}\nSee gatehouse --help.`);
    return 2;
  }
  if (error instanceof Interrupted) {
    printError(terminal, 'Interrupted; nothing was done.');
    return interruptedCode;
  }
  if (error instanceof ConfigError) {
    printError(terminal, error.message);
    return 2;
  }
  if (error instanceof Problem) {
    printError(terminal, `${error.code}: ${error.message}`);
    for (const { path, message } of error.fields) {
      printError(terminal, `  ${optionName(path)}: ${message}`);
    }
    return 1;
  }
  const hint = hintOf(error);
  if (hint !== undefined) printError(terminal, hint);
  printError(terminal, error instanceof Error ? describe(error) : String(error));
  return 1;
}

/** What to do about errors that every operator meets one day. */
function hintOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return 'The port is in use: stop what listens there, or set PORT to another one.';
  }
  return isDatabaseUnavailable(error)
    ? 'The database cannot be reached. Is it running, and is DATABASE_URL right?'
    : undefined;
}

/** `firstName` as people type it: `first-name`; a place in a file stays as it is. */
function optionName(path: string): string {
  if (!/^[A-Za-z]+$/.test(path)) return path;
  return path.replace(/[a-z][A-Z]/g, ([last, first]) => `${last}-${first?.toLowerCase()}`);
}

/** The message and those of its causes; some errors of connections have an empty one. */
function describe(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  const causes = inner.filter((cause) => cause instanceof Error).map(describe);
  return [error.message, ...causes].filter((text) => text !== '').join('\n  ');
}
