/** The cluster of a new PostgreSQL server. It is created once for a run of the tests, and copied. */
import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { ensureCluster } from '../../src/embedded-postgres/cluster.ts';
import { embeddedPaths } from '../../src/embedded-postgres/paths.ts';
import { chooseRunAs } from '../../src/embedded-postgres/process.ts';
import { findPrograms } from '../../src/embedded-postgres/programs.ts';
import { makeScratchDirectory } from './scratch.ts';

/** Workers inherit it from the process that starts them. */
const variable = 'GATEHOUSE_TEST_CLUSTER';

/** Creates the cluster that others are copied from; returns a function that removes it. */
export async function makeClusterTemplate(): Promise<() => Promise<void>> {
  const directory = makeScratchDirectory('cluster');
  const paths = embeddedPaths(directory);
  await ensureCluster(
    paths,
    await findPrograms(await chooseRunAs(paths.cluster), paths.dataDirectory),
    false,
  );
  process.env[variable] = paths.home;
  return () => rm(directory, { recursive: true, force: true });
}

/** Copies the cluster into the data directory. Does nothing without a template; then the server creates its own. */
export async function copyCluster(dataDirectory: string): Promise<void> {
  const template = process.env[variable];
  if (template === undefined) return;
  const { dataDirectory: root, home } = embeddedPaths(dataDirectory);
  await mkdir(root, { recursive: true });
  await promisify(execFile)('cp', ['-Rp', template, home]); // with its owner, unlike node:fs
}
