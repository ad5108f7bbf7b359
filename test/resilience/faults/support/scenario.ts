/** Where an experiment happens: a PostgreSQL of its own, a mail server, replicas, people and the journal. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { environmentOf, type Variables } from '../../../support/command.ts';
import { type MailServer, startMailServer } from '../../../support/mail-server.ts';
import { type Postgres, type PostgresOptions, startPostgres } from '../../../support/postgres.ts';
import { makeScratchDirectory } from '../../../support/scratch.ts';
import { until } from '../../../support/until.ts';
import type { Breach } from './auditor.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import type { Result } from './experiment.ts';
import { acknowledgedOf, finish } from './finish.ts';
import { createRecorder, type Journal, type Recorder, readJournal } from './recorder.ts';
import { createReplica, type Replica } from './replica.ts';
import { type Footprint, footprintOf, grown } from './resources.ts';
import { crowd } from './slowness.ts';
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

export interface Scenario extends AsyncDisposable {
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
  /** What the replicas hold: connections and files before anybody asked for anything, memory once they were at work. */
  readonly base: Footprint;
  /** Waits for so many more acknowledged requests, for so many milliseconds at most. */
  progress(count?: number, patience?: number): Promise<void>;
  /** Waits until every replica is ready, and notes how long that took. */
  recover(): Promise<void>;
  /** Lets people finish, waits for the queue to empty, and compares. */
  finish(): Promise<Result>;
}

const progressMilliseconds = 60_000;

export async function openScenario(options: StageOptions = {}): Promise<Scenario> {
  await using opening = new AsyncDisposableStack();
  const directory = makeScratchDirectory('faults');
  opening.defer(() => rm(directory, { recursive: true, force: true }));
  const postgres = opening.use(await startPostgres(options.postgres));
  const mail = options.mail ?? (await startMailServer());
  opening.defer(() => mail.close());
  const url = (await options.throughWire?.(postgres.url)) ?? postgres.url;
  const environment = {
    ...environmentOf({ url }, mail),
    ALLOWED_HOSTS: '127.0.0.1',
    RATE_LIMITS: 'off',
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
  const before = await footprintOf(postgres.query, replicas);
  let base: Footprint | undefined;
  const file = join(directory, 'journal.jsonl');
  const recorder = createRecorder(file);
  const workload = startWorkload({
    replicas: [balancer.address],
    recorder,
    mail,
    people: options.people ?? crowd,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= workload.stop());
  opening.defer(stop);
  const opened = opening.move();
  const stage: Scenario = {
    postgres,
    mail,
    replicas,
    balancer,
    environment,
    recorder,
    breaches: [],
    recoveries: [],
    journal: () => readJournal(file),
    get base() {
      return base ?? before;
    },
    async progress(count = 20, patience = progressMilliseconds) {
      const done = () => acknowledgedOf(readJournal(file));
      const goal = done() + count;
      await until(() => done() >= goal, patience);
      base ??= grown(before, await footprintOf(postgres.query, replicas));
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

/** Opens a stage, makes the fault so often, each time waiting for recovery and progress. */
export async function underLoad(
  rounds: number,
  options: StageOptions,
  fault: (stage: Scenario, round: number) => Promise<void>,
): Promise<Result> {
  await using stage = await openScenario(options);
  await stage.progress();
  for (let round = 0; round < rounds; round += 1) {
    stage.recorder.note('fault');
    await fault(stage, round);
    await stage.recover();
    await stage.progress();
  }
  return await stage.finish();
}
