/** What the replicas hold, and whether it is given back once nobody asks for anything. */
import { until } from '../../../support/until.ts';
import type { Query } from './aftermath.ts';
import type { Breach } from './auditor.ts';
import { expectThat } from './experiment.ts';
import type { Replica } from './replica.ts';

export interface Footprint {
  /** To the database, of all replicas together. */
  readonly connections: number;
  /** Of the replica that has most. */
  readonly descriptors: number;
  readonly residentMegabytes: number;
}

const restMilliseconds = 60_000;
/** A connection of each pool that was not needed yet when the base was measured. */
const moreConnections = 4;
const moreDescriptors = 15;
/** What has been compiled and kept since; a leak does not stop there. */
const memoryFactor = 1.5;

export async function footprintOf(query: Query, replicas: readonly Replica[]): Promise<Footprint> {
  const [row] = await query<{ count: number }>(
    "select count(*)::int from pg_stat_activity where backend_type = 'client backend'",
  );
  const own = replicas.filter((it) => it.isRunning()).map((it) => it.resources());
  return {
    connections: row?.count ?? 0,
    descriptors: Math.max(0, ...own.map((it) => it.descriptors)),
    residentMegabytes: Math.max(0, ...own.map((it) => it.residentMegabytes)),
  };
}

/** The base with the memory of replicas at work: what they have compiled they keep. */
export function grown(before: Footprint, atWork: Footprint): Footprint {
  return { ...before, residentMegabytes: atWork.residentMegabytes };
}

/** Nobody asks anything any more: everything is given back within a minute. */
export async function unreleasedResources(
  base: Footprint,
  look: () => Promise<Footprint>,
): Promise<Breach[]> {
  const isAtRest = async () => {
    const now = await look();
    return (
      now.connections <= base.connections + moreConnections &&
      now.descriptors <= base.descriptors + moreDescriptors &&
      now.residentMegabytes <= base.residentMegabytes * memoryFactor
    );
  };
  const isSo = await until(isAtRest, restMilliseconds).then(
    () => true,
    () => false,
  );
  const evidence = isSo ? '' : `${JSON.stringify(await look())} after ${JSON.stringify(base)}`;
  return expectThat(isSo, 'everything is given back within a minute', evidence);
}
