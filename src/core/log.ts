/** The log: JSON lines from pino, readable ones where a person is watching. */
import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type Log = Logger;

/**
 * Secrets are kept out by never being handed in; the redaction here is a second net for the headers
 * that libraries like to log.
 */
export function createLog(options: {
  readonly isReadable: boolean;
  readonly level?: string;
  readonly toStderr?: boolean;
}): Log {
  const stream = options.toStderr ? process.stderr : process.stdout;
  const fd = stream.fd;
  const destination: DestinationStream = options.isReadable
    ? pretty({
        colorize: stream.isTTY === true,
        ignore: 'pid,hostname',
        sync: true,
        destination: fd,
      })
    : pino.destination({ fd, sync: false });
  return pino(
    {
      level: options.level ?? 'info',
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['req.headers.authorization', 'headers.authorization', 'req.headers.cookie'],
    },
    destination,
  );
}
