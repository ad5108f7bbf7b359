/** The log: JSON lines from pino, readable ones where a person is watching. */
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
  /** Where lines go instead of standard output. */
  readonly stream?: Writable & { readonly isTTY?: boolean };
  /** Where lines go as they are, however they are asked for. */
  readonly destination?: DestinationStream;
}

/**
 * Secrets are kept out by never being handed in; what is redacted here is a second net, for the
 * headers that libraries like to log and for the values that databases like to quote.
 */
export function createLog(options: LogOptions): Log {
  return pino(
    {
      level: options.level ?? 'info',
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['req.headers.authorization', 'headers.authorization', 'req.headers.cookie'],
      serializers: { err: errorForLog },
      mixin: traceOf,
      hooks: { streamWrite: options.isReadable ? forReader : forProgram },
    },
    options.destination ?? standardStream(options),
  );
}

/** What callers, mail servers and the database say is quoted in lines: it must not disturb a terminal. */
function forProgram(line: string): string {
  return `${printableJson(line.trimEnd())}\n`;
}

/** The readable format prints strings as they are, and of those only a stack has several lines. */
function forReader(line: string): string {
  const record: unknown = JSON.parse(line, (key, value: unknown) => {
    if (typeof value !== 'string') return value;
    return key === 'stack' ? printableLines(value) : printable(value);
  });
  return `${JSON.stringify(record)}\n`;
}

/** What a line has to be found by among the traces. */
function traceOf(): object {
  const traceId = currentTracer()?.traceId();
  return traceId === undefined ? {} : { traceId };
}

function standardStream({ isReadable, stream }: LogOptions): DestinationStream {
  const { fd, isTTY } = process.stdout;
  if (!isReadable) return stream ?? pino.destination({ fd, sync: false });
  // Loaded here, as servers in production never need it.
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty;
  return pretty({
    colorize: (stream ?? { isTTY }).isTTY === true,
    ignore: 'pid,hostname',
    sync: true,
    destination: stream ?? fd,
  });
}

/** What of an error is fit for the log. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly stack: string;
}

/**
 * PostgreSQL quotes whole rows in its messages: of its errors only code and names are kept, and the
 * sentence where it is about the statement (class 42) and not about values.
 */
export function errorForLog(error: unknown): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error', stack: '' };
  const message = isFromDatabase(error) ? databaseSummary(error) : error.message;
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return { type: error.name, message, stack: frames.join('\n') };
}

interface DatabaseFault {
  readonly code: string;
  readonly table?: unknown;
  readonly column?: unknown;
  readonly constraint?: unknown;
}

/** Its errors have a five-letter SQLSTATE and a severity. */
function isFromDatabase(error: Error): error is Error & DatabaseFault {
  return 'severity' in error && 'code' in error && /^[0-9A-Z]{5}$/.test(String(error.code));
}

function databaseSummary(error: Error & DatabaseFault): string {
  const { code, table, column, constraint } = error;
  const sentence = code.startsWith('42') ? error.message.split('\n').at(-1) : undefined;
  const names = Object.entries({ table, column, constraint })
    .filter(([, value]) => typeof value === 'string')
    .map(([name, value]) => `${name} ${value}`);
  return [`database error ${code}`, ...names, ...(sentence ? [sentence] : [])].join(', ');
}
