/** The data directory of a new PostgreSQL server: made once for a run of the tests, and copied. */
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ensureCluster } from '../../src/embedded-postgres/cluster.ts';
import { placeIn } from '../../src/embedded-postgres/paths.ts';
import { chooseRunAs } from '../../src/embedded-postgres/process.ts';
import { findPrograms } from '../../src/embedded-postgres/programs.ts';
import { makeScratchDirectory } from './scratch.ts';

/** Workers inherit it from the process that starts them. */
const variable = 'GATEHOUSE_TEST_CLUSTER';

/** Makes the cluster that others are copied from; resolves to its removal. */
export async function makeClusterTemplate(): Promise<() => Promise<void>> {
  const directory = makeScratchDirectory('cluster');
  const place = placeIn(directory);
  await ensureCluster(place, await findPrograms(await chooseRunAs(place.cluster)), false);
  process.env[variable] = place.home;
  return () => rm(directory, { recursive: true, force: true });
}

/** Puts a cluster into the data directory; without a template nothing, and the server makes its own. */
export async function copyCluster(dataDirectory: string): Promise<void> {
  const template = process.env[variable];
  if (template === undefined) return;
  const { dataDirectory: root, home } = placeIn(dataDirectory);
  await mkdir(root, { recursive: true });
  await promisify(execFile)('cp', ['-Rp', template, home]); // with its owner, unlike node:fs
}
