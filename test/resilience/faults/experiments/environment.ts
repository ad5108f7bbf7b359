/** What surrounds a process fails it: the clock, the disks, callers who take their time. */
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

/** Without the program of that name, which would stand between us and the process. */
const faked = ['LD_PRELOAD=/usr/$LIB/faketime/libfaketimeMT.so.1', 'DONT_FAKE_MONOTONIC=1'];

/** One replica of two has another time; the other one, and PostgreSQL, have the right one. */
function skewed(offset: string): Experiment {
  return {
    name: `clock${offset}`,
    rounds: 1,
    async run() {
      if (!canRun('faketime', 'faketime')) return { reason: 'faketime cannot be installed here' };
      const wrapper = ['/usr/bin/env', ...faked, `FAKETIME=${offset}`];
      await using stage = await openScenario({ wrapper });
      await stage.progress(200);
      return await stage.finish();
    },
  };
}

export const clockAhead = skewed('+5m');
export const clockBehind = skewed('-5m');
export const dayAhead = skewed('+1d');
export const dayBehind = skewed('-1d');

interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Leaves no room for anything more. */
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
    await using stage = await openScenario({ postgres: { directory: disk.path, settings } });
    for (let round = 0; round < rounds; round += 1) {
      await stage.progress();
      await mounted.fill();
      await sleep(5_000);
      await mounted.clear();
      // It ends itself when its log of changes has no room; somebody starts it again.
      await stage.postgres.start();
      await stage.recover();
      await stage.progress();
    }
    return await stage.finish();
  },
};

/** The directory that the service itself writes to has no room. */
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
    await using stage = await openScenario({ environment });
    await stage.progress(100);
    return await stage.finish();
  },
};

const slowCallers = 500;

/** Callers who send a byte a second keep nobody from being served, and are gone in the end. */
export const slowConnections: Experiment = {
  name: 'slow-connections',
  rounds: 1,
  async run() {
    await using stage = await openScenario({ replicas: 1 });
    const { port } = new URL(stage.replicas[0]?.address ?? '');
    const sockets: Socket[] = [];
    for (let index = 0; index < slowCallers; index += 1) {
      const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
      await once(socket, 'connect');
      socket.write('POST /auth/login/ HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ');
      sockets.push(socket);
    }
    const dripping = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('x');
    }, 1_000);
    await stage.progress(100);
    await sleep(15_000);
    clearInterval(dripping);
    const left = sockets.filter((socket) => !socket.closed && !socket.readableEnded).length;
    stage.breaches.push(...expectThat(left === 0, 'the slow are cut off', `${left} are not`));
    for (const socket of sockets) socket.destroy();
    return await stage.finish();
  },
};
