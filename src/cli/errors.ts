/** The errors of the command line: each has an exit code and the lines that standard error shows. */
import { ConfigError } from '../config/config.ts';
import { Problem } from '../core/errors.ts';
import { isDatabaseUnavailable, isReadOnlyDatabase } from '../database/connection-errors.ts';

/** The arguments or the input of a command are not valid; exit code 2. */
export class UsageError extends Error {
  constructor(
    message: string,
    /** The command with the usage, such as `gatehouse import users`. */
    readonly command = 'gatehouse',
  ) {
    super(message);
  }
}

/** The operator pressed Ctrl-C at a question; exit code 130. */
export class Interrupted extends Error {}

/** 128 and the number of SIGINT, as in shells. */
const interruptedExitCode = 130;

export interface Failure {
  readonly exitCode: 1 | 2 | typeof interruptedExitCode;
  /** Lines for standard error. */
  readonly lines: readonly string[];
}

/** The exit code and the text for an error that ended a command. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof UsageError) {
    return { exitCode: 2, lines: [error.message, `See ${error.command} --help.`] };
  }
  if (error instanceof Interrupted) {
    return { exitCode: interruptedExitCode, lines: ['Interrupted; nothing was done.'] };
  }
  if (error instanceof ConfigError) return { exitCode: 2, lines: [error.message] };
  if (error instanceof Problem) return { exitCode: 1, lines: problemLines(error) };
  const hint = hintFor(error);
  const message = error instanceof Error ? messagesOf(error) : String(error);
  return { exitCode: 1, lines: hint === undefined ? [message] : [hint, message] };
}

function problemLines({ code, message, fields }: Problem): string[] {
  const fieldLines = fields.map((field) => `  ${optionName(field.path)}: ${field.message}`);
  return [`${code}: ${message}`, ...fieldLines];
}

/** The option of an input field: `first-name` for `firstName`. Other paths stay as they are. */
function optionName(path: string): string {
  if (!/^[A-Za-z]+$/.test(path)) return path;
  return path.replace(/[a-z][A-Z]/g, ([last, first]) => `${last}-${first?.toLowerCase()}`);
}

/** A remedy for frequent errors of the environment. */
function hintFor(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return 'The port is in use: stop the program that listens on it, or set PORT to another port.';
  }
  if (isReadOnlyDatabase(error)) {
    return 'The database is read-only. Does DATABASE_URL name a standby, or is default_transaction_read_only on?';
  }
  return isDatabaseUnavailable(error)
    ? 'The database cannot be reached. Is it running, and is DATABASE_URL correct?'
    : undefined;
}

/** The messages of an error and its causes; some connection errors have an empty message. */
function messagesOf(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  const causes = inner.filter((cause) => cause instanceof Error).map(messagesOf);
  return [error.message, ...causes].filter((text) => text !== '').join('\n  ');
}
