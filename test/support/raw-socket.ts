/** Sends raw bytes on a separate connection, and returns the whole response. */
import { connect, type Socket } from 'node:net';

export interface RawExchange {
  /** 0 without a response. */
  readonly status: number;
  /** By lower-case name; the values of a repeated header are joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Whether the service closed the connection before the timeout of the test. */
  readonly isClosed: boolean;
  readonly milliseconds: number;
}

export interface RawExchangeOptions {
  /** Sends more data after the first bytes. */
  readonly goOn?: (socket: Socket) => void;
  readonly timeoutMilliseconds?: number;
}

/** Resolves when the service closes the connection, so a normal request needs `Connection: close`. */
export function exchange(
  address: string,
  bytes: string | Buffer,
  { goOn, timeoutMilliseconds = 10_000 }: RawExchangeOptions = {},
): Promise<RawExchange> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname);
    const end = (isClosed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      const milliseconds = performance.now() - startedAt;
      resolve({ ...parsed(Buffer.concat(chunks).toString()), isClosed, milliseconds });
    };
    const timer = setTimeout(() => end(false), timeoutMilliseconds);
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
    socket.on('error', () => undefined); // reported by `isClosed`
    socket.on('end', () => end(true));
    socket.on('close', () => end(true));
    socket.write(bytes);
    goOn?.(socket);
  });
}

/** Sends `bytes` repeatedly until the connection is closed. */
export function drip(bytes: string, milliseconds: number): (socket: Socket) => void {
  return (socket) => {
    const timer = setInterval(() => socket.writable && socket.write(bytes), milliseconds);
    socket.on('close', () => clearInterval(timer));
  };
}

function parsed(answer: string): Pick<RawExchange, 'status' | 'headers' | 'text'> {
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [name = '', ...value] = line.split(': ');
    const key = name.toLowerCase();
    headers[key] = [headers[key], value.join(': ')].filter((part) => part !== undefined).join(', ');
  }
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, text: rest.join('\r\n\r\n') };
}

/** The bytes of a request; the connection is closed after the response. */
export function requestBytes(
  requestLine: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): string {
  const all = { Host: 'localhost', Connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${requestLine} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}
