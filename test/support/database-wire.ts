/**
 * The wire between a service and its database, in the test's hands: it writes down every statement
 * that goes through, holds answers back, and can be cut. It understands just enough of PostgreSQL's
 * protocol (https://www.postgresql.org/docs/current/protocol-message-formats.html) to read the SQL.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface DatabaseWire extends AsyncDisposable {
  /** DATABASE_URL that leads through the wire. */
  readonly url: string;
  /** What the requests of clients made the service ask: neither its feed nor its jobs. */
  readonly statements: string[];
  /** The values that went beside the statement, as they were sent; for those in `statements`. */
  valuesOf(statement: string): readonly (string | null)[];
  /**
   * Keeps the answer to the next statement like `pattern` back, and its connection silent until
   * `release`. `reached` resolves when the database has answered.
   */
  holdAnswerTo(pattern: RegExp): { readonly reached: Promise<void>; release(): void };
  /** Cuts the wire when a statement like `pattern` comes, which does not get through any more. */
  cutAt(pattern: RegExp): Promise<void>;
  /** Breaks every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Leads on, to where the database is now. */
  mend(databaseUrl?: string): Promise<void>;
}

interface Statement {
  readonly text: string;
  readonly values: readonly (string | null)[];
}

interface Connection {
  readonly near: Socket;
  readonly far: Socket;
  readonly read: (bytes: Buffer) => readonly Statement[];
  /** What the database has said while its answers were held back. */
  held: Buffer[] | undefined;
  heard: () => void;
}

interface Watch {
  readonly pattern: RegExp;
  /** Answers whether what came with the statement is to be kept from the database. */
  readonly act: (connection: Connection) => boolean;
}

/** Of the feed, the job queue and every transaction. */
const background =
  /^(listen|begin|commit|rollback|$)|pg_(notify|is_in_recovery)|graphile_worker|gatehouse:jobs/i;

export async function openDatabaseWire(databaseUrl: string): Promise<DatabaseWire> {
  let target = new URL(databaseUrl);
  const connections = new Set<Connection>();
  const statements: string[] = [];
  const values = new Map<string, readonly (string | null)[]>();
  let watches: readonly Watch[] = [];

  const take = (connection: Connection, bytes: Buffer): void => {
    let isKept = false;
    for (const { text, values: sent } of connection.read(bytes)) {
      const watch = watches.find(({ pattern }) => pattern.test(text));
      watches = watches.filter((it) => it !== watch);
      values.set(text, sent);
      if (watch?.act(connection)) isKept = true;
      else if (!background.test(text)) statements.push(text);
    }
    if (!isKept) connection.far.write(bytes);
  };

  const give = ({ near, held, heard }: Connection, bytes: Buffer): void => {
    if (!held) return void near.write(bytes);
    held.push(bytes);
    heard();
  };

  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port) });
    const connection: Connection = {
      near,
      far,
      read: statementReader(),
      held: undefined,
      heard: () => undefined,
    };
    connections.add(connection);
    near.on('data', (bytes: Buffer) => take(connection, bytes));
    far.on('data', (bytes: Buffer) => give(connection, bytes));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.setNoDelay(true).on('error', () => other.destroy());
      one.on('close', () => {
        other.destroy();
        connections.delete(connection);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const { port } = address;
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${port}`;

  const cut = async () => {
    for (const { near, far } of connections) {
      near.destroy();
      far.destroy();
    }
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };

  return {
    url: url.href,
    statements,
    valuesOf: (statement) => values.get(statement) ?? [],
    holdAnswerTo(pattern) {
      const { promise: reached, resolve } = Promise.withResolvers<void>();
      let silent: Connection | undefined;
      const act = (connection: Connection) => {
        silent = Object.assign(connection, { held: [], heard: resolve });
        return false;
      };
      watches = [...watches, { pattern, act }];
      const release = () => {
        for (const bytes of silent?.held ?? []) silent?.near.write(bytes);
        if (silent) silent.held = undefined;
      };
      return { reached, release };
    },
    cutAt(pattern) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const act = () => {
        void cut().then(resolve);
        return true;
      };
      watches = [...watches, { pattern, act }];
      return promise;
    },
    cut,
    async mend(now = target.href) {
      target = new URL(now);
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    [Symbol.asyncDispose]: cut,
  };
}

/** Reads what a client sends, piece by piece, and answers the statements that begin to run in it. */
function statementReader(): (bytes: Buffer) => readonly Statement[] {
  let rest = Buffer.alloc(0);
  let isIntroduced = false;
  const prepared = new Map<string, string>();

  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const found: Statement[] = [];
    for (;;) {
      // The first message, which says who is there, has no letter for its kind.
      const start = isIntroduced ? 1 : 0;
      const length = rest.length < start + 4 ? Number.NaN : start + rest.readUInt32BE(start);
      if (!(rest.length >= length)) return found;
      const kind = isIntroduced ? String.fromCharCode(rest.readUInt8()) : 'introduction';
      const body = rest.subarray(start + 4, length);
      const texts = body.toString().split('\0');
      const [first = '', second = ''] = texts;
      if (kind === 'P') prepared.set(first, second);
      else if (kind === 'B') {
        const at = Buffer.byteLength(`${first}\0${second}\0`);
        found.push({ text: prepared.get(second) ?? '', values: boundValues(body.subarray(at)) });
      } else if (kind === 'Q') found.push({ text: first, values: [] });
      isIntroduced = true;
      rest = rest.subarray(length);
    }
  };
}

/** The values of a Bind message, from the number of its format codes on. */
function boundValues(body: Buffer): (string | null)[] {
  let at = 2 + 2 * body.readUInt16BE(0);
  const count = body.readUInt16BE(at);
  at += 2;
  return Array.from({ length: count }, () => {
    const length = body.readInt32BE(at);
    at += 4;
    if (length < 0) return null;
    at += length;
    return body.toString('utf8', at - length, at);
  });
}
