/** The environment of an experiment: its own PostgreSQL, a mail server, replicas, simulated users and a journal. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
import { userCount } from './slowness.ts';
import { startWorkload } from './workload.ts';

export interface ScenarioOptions {
  readonly replicas?: number;
  readonly people?: number;
  readonly postgres?: PostgresOptions;
  /** Overrides variables of the replicas. */
  readonly environment?: Variables;
  /** Returns another database URL for the replicas, such as that of a proxy. */
  readonly throughWire?: (databaseUrl: string) => Promise<string>;
  /** The mail server; one with the default settings by default. */
  readonly mail?: MailServer;
  /** A program that starts the first replica, such as one that shifts the clock. */
  readonly wrapper?: readonly string[];
}

export interface Scenario extends AsyncDisposable {
  readonly postgres: Postgres;
  readonly mail: MailServer;
  readonly replicas: readonly Replica[];
  readonly balancer: Balancer;
  readonly environment: Variables;
  readonly recorder: Recorder;
  /** The breaches found so far. */
  readonly breaches: Breach[];
  /** Milliseconds that each recovery took. */
  readonly recoveries: number[];
  /** The journal as it is now. */
  journal(): Journal;
  /** Connections and files of the replicas before the first request, and their memory under load. */
  readonly base: Footprint;
  /** Waits for `count` more acknowledged requests. */
  progress(count?: number, timeoutMilliseconds?: number): Promise<void>;
  /** Waits until every replica is ready, and adds the time to `recoveries`. */
  recover(): Promise<void>;
  /** Lets the users finish, waits for an empty queue and checks the promises. */
  finish(): Promise<Result>;
}

const progressMilliseconds = 60_000;

export async function openScenario(options: ScenarioOptions = {}): Promise<Scenario> {
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
    people: options.people ?? userCount,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= workload.stop());
  opening.defer(stop);
  const opened = opening.move();
  const scenario: Scenario = {
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
    async progress(count = 20, timeoutMilliseconds = progressMilliseconds) {
      const done = () => acknowledgedOf(readJournal(file));
      const goal = done() + count;
      // Each check reads the whole journal.
      await until(async () => (await sleep(100)) ?? done() >= goal, timeoutMilliseconds);
      base ??= grown(before, await footprintOf(postgres.query, replicas));
    },
    async recover() {
      const times = await Promise.all(replicas.map(({ untilReady }) => untilReady()));
      scenario.recoveries.push(Math.max(...times));
    },
    async finish() {
      await stop();
      return finish(scenario);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
  return scenario;
}

/** Opens a scenario and injects the fault once a round, then waits for recovery and progress. */
export async function underLoad(
  rounds: number,
  options: ScenarioOptions,
  fault: (scenario: Scenario, round: number) => Promise<void>,
): Promise<Result> {
  await using scenario = await openScenario(options);
  await scenario.progress();
  for (let round = 0; round < rounds; round += 1) {
    scenario.recorder.note('fault');
    await fault(scenario, round);
    await scenario.recover();
    await scenario.progress();
  }
  return await scenario.finish();
}
