/** Where an experiment happens: a PostgreSQL of its own, a mail server, replicas, people and the journal. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentOf, startCommand, type Variables } from '../../support/command.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { type Postgres, type PostgresOptions, startPostgres } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';
import { readAftermath } from './aftermath.ts';
import { audit, type Breach } from './auditor.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { expectThat, type Result } from './experiment.ts';
import { createRecorder, type Journal, type Recorder, readJournal } from './recorder.ts';
import { createReplica, type Replica } from './replica.ts';
import { slowness } from './slowness.ts';
import { startWorkload } from './workload.ts';

export interface StageOptions {
  readonly replicas?: number;
  readonly people?: number;
  readonly postgres?: PostgresOptions;
  /** Over the usual environment of a replica. */
  readonly environment?: Variables;
  /** Leads the replicas to the database by another way. */
  readonly throughWire?: (databaseUrl: string) => Promise<string>;
  /** The mail server that the replicas know; people read the usual one. */
  readonly mail?: MailServer;
  /** A program before the first replica, such as one that shifts the clock. */
  readonly wrapper?: readonly string[];
}

export interface Stage extends AsyncDisposable {
  readonly postgres: Postgres;
  readonly mail: MailServer;
  readonly replicas: readonly Replica[];
  readonly balancer: Balancer;
  readonly environment: Variables;
  readonly recorder: Recorder;
  /** What was found so far. */
  readonly breaches: Breach[];
  /** Milliseconds that each recovery took. */
  readonly recoveries: number[];
  /** The journal as it is now. */
  journal(): Journal;
  /** Waits for so many more acknowledged requests. */
  progress(count?: number): Promise<void>;
  /** Waits until every replica is ready, and notes how long that took. */
  recover(): Promise<void>;
  /** Lets people finish, waits for the queue to empty, and compares. */
  finish(): Promise<Result>;
}

const people = 6;
const drainMilliseconds = 90_000;
const progressMilliseconds = 60_000;
const bounds = { deadline: 5_000 * slowness, revocation: 3_000 * Math.min(slowness, 4) };

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  await using opening = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-faults-'));
  opening.defer(() => rm(directory, { recursive: true, force: true }));
  const postgres = opening.use(await startPostgres(options.postgres));
  const mail = options.mail ?? (await startMailServer());
  opening.defer(() => mail.close());
  const url = (await options.throughWire?.(postgres.url)) ?? postgres.url;
  const environment = {
    ...environmentOf({ url }, mail),
    ALLOWED_HOSTS: '127.0.0.1',
    ATTEMPT_BUDGETS: 'off',
    DEBUG: 'False',
    ...options.environment,
  };
  const replicas: Replica[] = [];
  for (let index = 0; index < (options.replicas ?? 2); index += 1) {
    const replica = await createReplica(environment, index === 0 ? options.wrapper : undefined);
    replicas.push(replica);
    opening.defer(async () => void (await replica.end('SIGKILL')));
    await replica.start();
  }
  const balancer = opening.use(await startBalancer(replicas.map(({ address }) => address)));
  const file = join(directory, 'journal.jsonl');
  const recorder = createRecorder(file);
  const workload = startWorkload({
    replicas: [balancer.address],
    recorder,
    mail,
    people: options.people ?? people,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= workload.stop());
  opening.defer(stop);
  const opened = opening.move();
  const stage: Stage = {
    postgres,
    mail,
    replicas,
    balancer,
    environment,
    recorder,
    breaches: [],
    recoveries: [],
    journal: () => readJournal(file),
    async progress(count = 20) {
      const done = () => acknowledgedOf(readJournal(file));
      const goal = done() + count;
      await until(() => done() >= goal, progressMilliseconds);
    },
    async recover() {
      const times = await Promise.all(replicas.map(({ untilReady }) => untilReady()));
      stage.recoveries.push(Math.max(...times));
    },
    async finish() {
      await stop();
      return finish(stage);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
  return stage;
}

async function finish(stage: Stage): Promise<Result> {
  const { postgres, mail, replicas } = stage;
  const read = () => readAftermath(postgres.query, mail.mails);
  await until(async () => (await read()).waitingJobs === 0, drainMilliseconds).catch(
    () => undefined,
  );
  const journal = stage.journal();
  const breaches = [
    ...stage.breaches,
    ...audit(journal, await read(), bounds),
    ...(await brokenRecord(stage)),
    ...(await brokenRest(stage)),
  ];
  for (const { address, isRunning, end } of replicas) {
    breaches.push(...expectThat(isRunning(), 'no replica ends by itself', address));
    const code = await end('SIGTERM');
    breaches.push(
      ...expectThat(code === 0, 'SIGTERM ends a replica with 0', `${address}: ${code}`),
    );
  }
  const { requests } = journal;
  const times = requests.flatMap(({ sentAt, answer }) =>
    answer?.status === undefined ? [] : [answer.answeredAt - sentAt],
  );
  return {
    acknowledged: acknowledgedOf(journal),
    unknown: requests.filter(({ answer }) => answer === undefined || answer.outcome === 'unknown')
      .length,
    worst: Math.max(0, ...times),
    recoveries: stage.recoveries,
    breaches,
  };
}

async function brokenRecord({ environment }: Stage): Promise<Breach[]> {
  const { code, stdout, stderr } = await (await startCommand(['audit', 'verify'], { environment }))
    .ended;
  return expectThat(code === 0, 'the record is whole', stdout + stderr);
}

/** Connections to the database: of each replica 10 + 4 + 8 and the feed at most. */
const connectionsAtRest = 25;
const descriptorsAtRest = 120;
const megabytesAtRest = 700;
const restMilliseconds = 60_000;

/** Nobody asks anything any more: everything is given back within a minute. */
async function brokenRest({ postgres, replicas }: Stage): Promise<Breach[]> {
  const look = async () => {
    const [row] = await postgres.query<{ count: number }>(
      "select count(*)::int from pg_stat_activity where backend_type = 'client backend'",
    );
    const own = replicas.filter((it) => it.isRunning()).map((it) => it.resources());
    return { connections: row?.count ?? 0, own };
  };
  const isAtRest = async () => {
    const { connections, own } = await look();
    return (
      connections <= connectionsAtRest * replicas.length &&
      own.every((it) => it.descriptors <= descriptorsAtRest) &&
      own.every((it) => it.residentMegabytes <= megabytesAtRest)
    );
  };
  const isSo = await until(isAtRest, restMilliseconds).then(
    () => true,
    () => false,
  );
  const evidence = isSo ? '' : JSON.stringify(await look());
  return expectThat(isSo, 'everything is given back within a minute', evidence);
}

function acknowledgedOf({ requests }: Journal): number {
  return requests.filter(({ answer }) => answer?.outcome === 'acknowledged').length;
}

/** Opens a stage, makes the fault so often, each time waiting for recovery and progress. */
export async function underLoad(
  rounds: number,
  options: StageOptions,
  fault: (stage: Stage, round: number) => Promise<void>,
): Promise<Result> {
  await using stage = await openStage(options);
  await stage.progress();
  for (let round = 0; round < rounds; round += 1) {
    stage.recorder.note('fault');
    await fault(stage, round);
    await stage.recover();
    await stage.progress();
  }
  return await stage.finish();
}
