/** Faults of the environment: a wrong clock, full disks and slow clients. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { canRun } from '../../../support/debian.ts';
import { type Experiment, expectThat, type Skipped } from '../support/experiment.ts';
import { openScenario } from '../support/scenario.ts';

/** Preloads libfaketime directly, because the program `faketime` would be the parent of the server. */
const fakeTimeVariables = [
  'LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1',
  'DONT_FAKE_MONOTONIC=1',
];

/** The clock of one of two replicas is wrong; the other replica and PostgreSQL have the correct time. */
function skewed(offset: string): Experiment {
  return {
    name: `clock${offset}`,
    rounds: 1,
    async run() {
      if (!canRun('faketime', 'faketime')) return { reason: 'faketime cannot be installed here' };
      const wrapper = ['/usr/bin/env', ...fakeTimeVariables, `FAKETIME=${offset}`];
      await using scenario = await openScenario({ wrapper });
      await scenario.progress(200);
      return await scenario.finish();
    },
  };
}

export const clockAhead = skewed('+5m');
export const clockBehind = skewed('-5m');
export const dayAhead = skewed('+1d');
export const dayBehind = skewed('-1d');

interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Uses all free space. */
  fill(): Promise<void>;
  clear(): Promise<void>;
}

async function mountSmallDisk(megabytes: number): Promise<SmallDisk | Skipped> {
  const path = await mkdtemp(join(tmpdir(), 'gatehouse-disk-'));
  const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path];
  if (spawnSync('mount', options).status !== 0) {
    await rm(path, { recursive: true });
    return { reason: 'a tmpfs cannot be mounted here' };
  }
  const ballast = join(path, 'ballast');
  return {
    path,
    async fill() {
      spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k']);
    },
    clear: () => rm(ballast, { force: true }),
    async [Symbol.asyncDispose]() {
      spawnSync('umount', ['--lazy', path]);
      await rm(path, { recursive: true, force: true });
    },
  };
}

const databaseMegabytes = 400;

export const databaseDiskFull: Experiment = {
  name: 'postgres-disk-full',
  rounds: 2,
  async run(rounds) {
    const disk = await mountSmallDisk(databaseMegabytes);
    if ('reason' in disk) return disk;
    await using mounted = disk;
    const settings = { min_wal_size: '32MB', max_wal_size: '64MB', shared_buffers: '4MB' };
    await using scenario = await openScenario({ postgres: { directory: disk.path, settings } });
    for (let round = 0; round < rounds; round += 1) {
      await scenario.progress();
      await mounted.fill();
      await sleep(5_000);
      await mounted.clear();
      // PostgreSQL ends when the WAL has no space, and must be started again.
      await scenario.postgres.start();
      await scenario.recover();
      await scenario.progress();
    }
    return await scenario.finish();
  },
};

/** The data directory and the temporary directory of the service have no space. */
export const serviceDiskFull: Experiment = {
  name: 'service-disk-full',
  rounds: 1,
  async run() {
    const disk = await mountSmallDisk(4);
    if ('reason' in disk) return disk;
    await using mounted = disk;
    await writeFile(join(disk.path, 'first'), 'here');
    await mounted.fill();
    const environment = { GATEHOUSE_DATA_DIR: disk.path, TMPDIR: disk.path };
    await using scenario = await openScenario({ environment });
    await scenario.progress(100);
    return await scenario.finish();
  },
};

const slowClients = 500;

/** Clients that send one byte a second do not block other requests, and are disconnected. */
export const slowConnections: Experiment = {
  name: 'slow-connections',
  rounds: 1,
  async run() {
    await using scenario = await openScenario({ replicas: 1 });
    const { port } = new URL(scenario.replicas[0]?.address ?? '');
    const sockets: Socket[] = [];
    for (let index = 0; index < slowClients; index += 1) {
      const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
      await once(socket, 'connect');
      socket.write('POST /auth/login/ HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ');
      sockets.push(socket);
    }
    const sending = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('x');
    }, 1_000);
    await scenario.progress(100);
    await sleep(15_000);
    clearInterval(sending);
    const left = sockets.filter((socket) => !socket.closed && !socket.readableEnded).length;
    scenario.breaches.push(
      ...expectThat(left === 0, 'slow clients are disconnected', `${left} are not`),
    );
    for (const socket of sockets) socket.destroy();
    return await scenario.finish();
  },
};
