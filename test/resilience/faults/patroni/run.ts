/**
 * `npm run faults:patroni`: the primary of a cluster of three is killed ten times under load, and
 * nothing that was acknowledged may be lost. Prints for how long nothing could be written.
 */
import { writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { startCommand, startServer, type Variables } from '../../../support/command.ts';
import { type MailServer, startMailServer } from '../../../support/mail-server.ts';
import { until } from '../../../support/until.ts';
import { type Aftermath, readAftermath } from '../support/aftermath.ts';
import { audit, type Breach } from '../support/auditor.ts';
import { createRecorder, type Recorder, readJournal } from '../support/recorder.ts';
import { startWorkload } from '../support/workload.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { type HealthWatch, watchHealth } from './health-watch.ts';
import { findParts } from './packages.ts';
import { report } from './report.ts';

const kills = Number(process.env.KILLS ?? 10);
const people = 8;
/** Milliseconds of load around each kill. */
const calmMilliseconds = 3000;
const runMilliseconds = 3_600_000;
const drainMilliseconds = 180_000;
/** Of the deadline half a second is for this machine, on which everything runs and is measured. */
const bounds = { deadline: 5500, revocation: 3000 };

interface Replica {
  readonly address: string;
  readonly isRunning: () => boolean;
  /** All that it has logged. */
  said(): string;
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null }>;
}

async function main(): Promise<number> {
  const parts = findParts();
  if ('reason' in parts) {
    console.log(`Skipped: ${parts.reason}.`);
    return 0;
  }
  await using opened = new AsyncDisposableStack();
  console.log('Starting etcd, three PostgreSQL servers under Patroni, and HAProxy …');
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-faults-'));
  console.log(`Journal and logs: ${directory}`);
  const cluster = opened.use(await startCluster(parts, directory));
  const mail = await startMailServer();
  opened.defer(() => mail.close());
  const environment = environmentOf(cluster, mail);
  const replicas: Replica[] = [];
  for (const _ of [1, 2]) {
    const replica = await startReplica(environment);
    opened.defer(async () => void (await replica.end('SIGKILL')));
    replicas.push(replica);
  }
  const addresses = replicas.map(({ address }) => address);
  const health = watchHealth(addresses);
  opened.defer(() => health.stop());
  const file = join(directory, 'journal.jsonl');
  const recorder = createRecorder(file);
  const workload = startWorkload({ replicas: addresses, recorder, mail, people });
  const givenUp = await killAgainAndAgain(cluster, recorder, health).then(
    () => [],
    (error) => [{ promise: 'the service comes back without a hand', evidence: String(error) }],
  );
  await workload.stop();
  recorder.close();
  const aftermath = await awaitAftermath(cluster, mail);
  await health.stop();
  const journal = readJournal(file);
  const breaches = [
    ...givenUp,
    ...audit(journal, aftermath, bounds),
    ...health.breaches(),
    ...(await brokenEnds(replicas, environment)),
  ];
  replicas.forEach(({ said }, index) => {
    writeFileSync(join(directory, `replica-${index + 1}.log`), said());
  });
  report({ journal, breaches, aftermath });
  return breaches.length === 0 ? 0 : 1;
}

async function killAgainAndAgain(cluster: Cluster, recorder: Recorder, health: HealthWatch) {
  for (let round = 1; round <= kills; round += 1) {
    await cluster.untilWhole();
    await health.untilReady();
    await sleep(calmMilliseconds);
    recorder.note('killed');
    const name = await cluster.killPrimary();
    console.log(`${round} of ${kills}: killed the primary, ${name}`);
    await sleep(calmMilliseconds);
    await health.untilReady();
    cluster.revive(name);
  }
  await cluster.untilWhole();
  await sleep(calmMilliseconds);
}

function environmentOf(cluster: Cluster, mail: MailServer): Variables {
  return {
    SECRET_KEY: 'only-for-this-run-0123456789-abcdefghijklmnop',
    DATABASE_URL: cluster.databaseUrl,
    EMAIL_HOST: '127.0.0.1',
    EMAIL_PORT: String(mail.port),
    EMAIL_USE_TLS: 'False',
    PUBLIC_URL: 'http://auth.test',
    ALLOWED_HOSTS: '127.0.0.1',
    RATE_LIMITS: 'off',
    DEBUG: 'False',
  };
}

async function startReplica(environment: Variables): Promise<Replica> {
  const server = await startServer({
    environment,
    limitMilliseconds: runMilliseconds,
  });
  let isRunning = true;
  void server.ended.then(() => {
    isRunning = false;
  });
  return {
    address: server.address,
    isRunning: () => isRunning,
    said: server.said,
    end: server.end,
  };
}

/** Once the queue is empty, or as it is after a long wait. */
async function awaitAftermath(cluster: Cluster, { mails }: MailServer): Promise<Aftermath> {
  const pool = new Pool({ connectionString: cluster.databaseUrl, max: 1 });
  const read = () => readAftermath(async (sql) => (await pool.query(sql)).rows, mails);
  const isQuiet = async () => (await read()).waitingJobs === 0;
  await until(isQuiet, drainMilliseconds).catch(() => undefined);
  const aftermath = await read();
  await pool.end();
  return aftermath;
}

/** Nobody ends by themselves; whoever is told to ends well; the record is whole. */
async function brokenEnds(replicas: readonly Replica[], environment: Variables): Promise<Breach[]> {
  const breaches: Breach[] = [];
  const verified = await (await startCommand(['audit', 'verify'], { environment })).ended;
  if (verified.code !== 0) {
    breaches.push({ promise: 'the record is whole', evidence: verified.stderr + verified.stdout });
  }
  for (const { address, isRunning, end } of replicas) {
    if (!isRunning()) breaches.push({ promise: 'no replica ends by itself', evidence: address });
    const { code } = await end('SIGTERM');
    if (code === 0) continue;
    breaches.push({ promise: 'SIGTERM ends a replica with 0', evidence: `${address}: ${code}` });
  }
  return breaches;
}

process.exitCode = await main();
