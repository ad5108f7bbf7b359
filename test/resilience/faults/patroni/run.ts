/**
 * `npm run faults:patroni`: kills the primary of a cluster of three ten times under load. No acknowledged change
 * may be lost. Prints the time without writes.
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
import { findPrograms } from './packages.ts';
import { report } from './report.ts';

const kills = Number(process.env.KILLS ?? 10);
const people = 8;
/** Milliseconds of load around each kill. */
const loadMilliseconds = 3000;
const runMilliseconds = 3_600_000;
const drainMilliseconds = 180_000;
/** The deadline includes half a second, because all processes and the measurement share this machine. */
const bounds = { deadline: 5500, revocation: 3000 };

interface Replica {
  readonly address: string;
  readonly isRunning: () => boolean;
  /** Its whole log. */
  output(): string;
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | null }>;
}

async function main(): Promise<number> {
  const programs = findPrograms();
  if ('reason' in programs) {
    console.log(`Skipped: ${programs.reason}.`);
    return 0;
  }
  await using opened = new AsyncDisposableStack();
  console.log('Starting etcd, three PostgreSQL servers under Patroni, and HAProxy …');
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-faults-'));
  console.log(`Journal and logs: ${directory}`);
  const cluster = opened.use(await startCluster(programs, directory));
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
  const unrecovered = await killRepeatedly(cluster, recorder, health).then(
    () => [],
    (error) => [{ promise: 'the service recovers without an operator', evidence: String(error) }],
  );
  await workload.stop();
  recorder.close();
  const aftermath = await awaitAftermath(cluster, mail);
  await health.stop();
  const journal = readJournal(file);
  const breaches = [
    ...unrecovered,
    ...audit(journal, aftermath, bounds),
    ...health.breaches(),
    ...(await brokenEnds(replicas, environment)),
  ];
  replicas.forEach(({ output }, index) => {
    writeFileSync(join(directory, `replica-${index + 1}.log`), output());
  });
  report({ journal, breaches, aftermath });
  return breaches.length === 0 ? 0 : 1;
}

async function killRepeatedly(cluster: Cluster, recorder: Recorder, health: HealthWatch) {
  for (let round = 1; round <= kills; round += 1) {
    await cluster.untilComplete();
    await health.untilReady();
    await sleep(loadMilliseconds);
    recorder.note('killed');
    const name = await cluster.killPrimary();
    console.log(`${round} of ${kills}: killed the primary, ${name}`);
    await sleep(loadMilliseconds);
    await health.untilReady();
    cluster.startNode(name);
  }
  await cluster.untilComplete();
  await sleep(loadMilliseconds);
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
    output: server.output,
    end: server.end,
  };
}

/** Waits for an empty queue, at most for `drainMilliseconds`. */
async function awaitAftermath(cluster: Cluster, { mails }: MailServer): Promise<Aftermath> {
  const pool = new Pool({ connectionString: cluster.databaseUrl, max: 1 });
  const read = () => readAftermath(async (sql) => (await pool.query(sql)).rows, mails);
  const isQuiet = async () => (await read()).waitingJobs === 0;
  await until(isQuiet, drainMilliseconds).catch(() => undefined);
  const aftermath = await read();
  await pool.end();
  return aftermath;
}

/** Checks that no replica has ended, that SIGTERM ends each with 0, and that the audit log is valid. */
async function brokenEnds(replicas: readonly Replica[], environment: Variables): Promise<Breach[]> {
  const breaches: Breach[] = [];
  const verified = await (await startCommand(['audit', 'verify'], { environment })).ended;
  if (verified.code !== 0) {
    breaches.push({
      promise: 'the audit log is valid',
      evidence: verified.stderr + verified.stdout,
    });
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
