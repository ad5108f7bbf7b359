/** Bytes on a connection of their own, as no client library would send them, and all that comes back. */
import { connect, type Socket } from 'node:net';

export interface RawExchange {
  /** 0 when nothing came back. */
  readonly status: number;
  /** By their names in lower case; a repeated one is joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** Whether the service closed the connection, rather than the test losing patience. */
  readonly isClosed: boolean;
  readonly milliseconds: number;
}

export interface RawExchangeOptions {
  /** Goes on sending when the first bytes are out. */
  readonly goOn?: (socket: Socket) => void;
  readonly patienceMilliseconds?: number;
}

/** Ends when the service closes; a request that is to end it itself says `Connection: close`. */
export function exchange(
  address: string,
  bytes: string | Buffer,
  { goOn, patienceMilliseconds = 10_000 }: RawExchangeOptions = {},
): Promise<RawExchange> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname);
    const end = (isClosed: boolean) => {
      clearTimeout(patience);
      socket.destroy();
      const milliseconds = performance.now() - startedAt;
      resolve({ ...parsed(Buffer.concat(chunks).toString()), isClosed, milliseconds });
    };
    const patience = setTimeout(() => end(false), patienceMilliseconds);
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
    socket.on('error', () => undefined); // told by `isClosed`
    socket.on('end', () => end(true));
    socket.on('close', () => end(true));
    socket.write(bytes);
    goOn?.(socket);
  });
}

/** Sends `bytes` again and again until the connection is gone. */
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

/** A request's bytes; its connection is closed after the answer. */
export function requestBytes(
  requestLine: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): string {
  const all = { Host: 'localhost', Connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${requestLine} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}
