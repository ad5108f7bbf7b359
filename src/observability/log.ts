/** The log: JSON lines by pino, or readable text with DEBUG. It redacts secrets and escapes control characters. */
import { createRequire } from 'node:module';
import type { Writable } from 'node:stream';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { PinoPretty } from 'pino-pretty';
import { printable, printableJson, printableLines } from '../core/text.ts';
import { currentTracer } from './tracing.ts';

export type Log = Logger;

export interface LogOptions {
  readonly isReadable: boolean;
  readonly level?: string;
  /** Replaces standard output. */
  readonly stream?: Writable & { readonly isTTY?: boolean };
  /** Receives the lines as JSON, also with `isReadable`. */
  readonly destination?: DestinationStream;
}

/**
 * Callers must not log secrets. The redaction is a second protection, against headers that libraries log and
 * values that the database quotes.
 */
export function createLog(options: LogOptions): Log {
  return pino(
    {
      level: options.level ?? 'info',
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: [
        ...['req.headers', 'headers'].flatMap((of) => [`${of}.authorization`, `${of}.cookie`]),
        ...['res.headers', 'headers'].map((of) => `${of}["set-cookie"]`),
      ],
      serializers: { err: errorForLog },
      mixin: traceFields,
      hooks: { streamWrite: options.isReadable ? escapeForText : escapeJson },
    },
    options.destination ?? standardStream(options),
  );
}

/** Lines quote clients, mail servers and the database. Their control characters must not reach a terminal. */
function escapeJson(line: string): string {
  return `${printableJson(line.trimEnd())}\n`;
}

/** The readable format prints strings unchanged. Only a stack may have several lines. */
function escapeForText(line: string): string {
  const entry: unknown = JSON.parse(line, (key, value: unknown) => {
    if (typeof value !== 'string') return value;
    return key === 'stack' ? printableLines(value) : printable(value);
  });
  return `${JSON.stringify(entry)}\n`;
}

/** The trace id, which connects a line with its trace. */
function traceFields(): object {
  const traceId = currentTracer()?.traceId();
  return traceId === undefined ? {} : { traceId };
}

function standardStream({ isReadable, stream }: LogOptions): DestinationStream {
  const { fd, isTTY } = process.stdout;
  if (!isReadable) return stream ?? pino.destination({ fd, sync: false });
  let readable: DestinationStream | undefined;
  const open = () => {
    // Loaded with the first line: servers in production and most commands do not need it.
    const pretty = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
    return pretty({
      colorize: (stream ?? { isTTY }).isTTY === true,
      ignore: 'pid,hostname',
      sync: true,
      destination: stream ?? fd,
    });
  };
  return {
    write(line) {
      readable ??= open();
      readable.write(line);
    },
  };
}

/** The form of an error in the log. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly stack: string;
}

/**
 * Messages of PostgreSQL quote rows. The log has their code and names only, and the message of class 42, which
 * describes the statement and not values.
 */
export function errorForLog(error: unknown): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error', stack: '' };
  const message = isFromDatabase(error) ? databaseSummary(error) : error.message;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return { type: error.name, message, stack: frames.join('\n') };
}

interface DatabaseError {
  readonly code: string;
  readonly table?: unknown;
  readonly column?: unknown;
  readonly constraint?: unknown;
}

/** Errors of PostgreSQL have a SQLSTATE of five characters and a severity. */
function isFromDatabase(error: Error): error is Error & DatabaseError {
  return 'severity' in error && 'code' in error && /^[0-9A-Z]{5}$/.test(String(error.code));
}

function databaseSummary(error: Error & DatabaseError): string {
  const { code, table, column, constraint } = error;
  const sentence = code.startsWith('42') ? error.message.split('\n').at(-1) : undefined;
  const names = Object.entries({ table, column, constraint })
    .filter(([, value]) => typeof value === 'string')
    .map(([name, value]) => `${name} ${value}`);
  return [`database error ${code}`, ...names, ...(sentence ? [sentence] : [])].join(', ');
}
