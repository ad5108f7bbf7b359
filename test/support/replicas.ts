/** Server processes on one database, on different loopback addresses and the same port. */
import type { RunningServer, Variables } from './command.ts';
import { environmentOf, startServer } from './command.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { freePort } from './free-port.ts';
import { type MailServer, startMailServer } from './mail-server.ts';

export interface Replicas extends AsyncDisposable {
  readonly port: number;
  readonly database: TestDatabase;
  readonly mail: MailServer;
  /** Starts the replica at that address, also after its end. */
  start(address: string): Promise<void>;
  /** @throws Error when it does not run */
  at(address: string): RunningServer;
}

const lifeMs = 120_000;

/** On Linux every address of 127.0.0.0/8 is local. */
export async function startReplicas(
  addresses: readonly string[],
  variables: Variables,
): Promise<Replicas> {
  const [database, mail, port] = [
    await createTestDatabase(),
    await startMailServer(),
    await freePort(),
  ];
  const running = new Map<string, RunningServer>();
  const start = async (address: string) => {
    const environment = {
      ...environmentOf(database, mail),
      HOST: address,
      PORT: String(port),
      ...variables,
    };
    running.set(address, await startServer({ environment, limitMilliseconds: lifeMs }));
  };
  for (const address of addresses) await start(address);
  return {
    port,
    database,
    mail,
    start,
    at(address) {
      const server = running.get(address);
      if (!server) throw new Error(`no replica at ${address}`);
      return server;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...running.values()].map((server) => server.end('SIGKILL')));
      await mail.close();
      await database.drop();
    },
  };
}
