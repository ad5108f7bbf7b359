/**
 * A proxy between a service and its database: it records every statement, can delay replies and can close
 * connections. It reads only the statements of the PostgreSQL protocol
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html).
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface DatabaseWire extends AsyncDisposable {
  /** DATABASE_URL of the proxy. */
  readonly url: string;
  /** The statements of requests; without those of the change feed, the jobs and transaction control. */
  readonly statements: string[];
  /** The bound values of a statement in `statements`, as they were sent. */
  valuesOf(statement: string): readonly (string | null)[];
  /**
   * Holds the reply to the next statement that matches `pattern`, and all later data of its connection, until
   * `release`. `reached` resolves when the database has replied.
   */
  holdAnswerTo(pattern: RegExp): { readonly reached: Promise<void>; release(): void };
  /** Cuts all connections at the next statement that matches `pattern`, without forwarding it. */
  cutAt(pattern: RegExp): Promise<void>;
  /** Closes every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Accepts connections again, by default to the same database. */
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
  /** Data of the database that is held. */
  held: Buffer[] | undefined;
  onHeldData: () => void;
}

interface Watch {
  readonly pattern: RegExp;
  /** Returns whether the data with the statement is not forwarded. */
  readonly act: (connection: Connection) => boolean;
}

/** Statements of the change feed, the job queue and transaction control. A registration also adds its job. */
const background =
  /^(listen|begin|commit|rollback|$)|pg_(notify|is_in_recovery)|^(?!select add_registration).*graphile_worker|gatehouse:jobs/is;

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

  const give = ({ near, held, onHeldData }: Connection, bytes: Buffer): void => {
    if (!held) return void near.write(bytes);
    held.push(bytes);
    onHeldData();
  };

  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port) });
    const connection: Connection = {
      near,
      far,
      read: statementReader(),
      held: undefined,
      onHeldData: () => undefined,
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
        silent = Object.assign(connection, { held: [], onHeldData: resolve });
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

/** Reads the data of a client in chunks, and returns the statements that are executed. */
function statementReader(): (bytes: Buffer) => readonly Statement[] {
  let pending = Buffer.alloc(0);
  let isStarted = false;
  const prepared = new Map<string, string>();

  return (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    const found: Statement[] = [];
    for (;;) {
      // The startup message has no type byte.
      const start = isStarted ? 1 : 0;
      const length = pending.length < start + 4 ? Number.NaN : start + pending.readUInt32BE(start);
      if (!(pending.length >= length)) return found;
      const kind = isStarted ? String.fromCharCode(pending.readUInt8()) : 'startup';
      const body = pending.subarray(start + 4, length);
      const texts = body.toString().split('\0');
      const [first = '', second = ''] = texts;
      if (kind === 'P') prepared.set(first, second);
      else if (kind === 'B') {
        const at = Buffer.byteLength(`${first}\0${second}\0`);
        found.push({ text: prepared.get(second) ?? '', values: boundValues(body.subarray(at)) });
      } else if (kind === 'Q') found.push({ text: first, values: [] });
      isStarted = true;
      pending = pending.subarray(length);
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
