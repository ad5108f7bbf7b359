/** The resources of the replicas, and a check that idle replicas release them. */
import { until } from '../../../support/until.ts';
import type { Query } from './aftermath.ts';
import type { Breach } from './auditor.ts';
import { expectThat } from './experiment.ts';
import type { Replica } from './replica.ts';

export interface Footprint {
  /** Connections of all replicas to the database. */
  readonly connections: number;
  /** The largest value of a replica. */
  readonly descriptors: number;
  readonly residentMegabytes: number;
}

const releaseMilliseconds = 60_000;
/** Connections of the pools that were not open when the base was measured. */
const moreConnections = 4;
const moreDescriptors = 15;
/** Compiled code and caches grow up to this factor; a leak exceeds it. */
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

/** The base with the memory of replicas under load, because they keep compiled code. */
export function grown(before: Footprint, atWork: Footprint): Footprint {
  return { ...before, residentMegabytes: atWork.residentMegabytes };
}

/** Without requests, the replicas release their resources within a minute. */
export async function unreleasedResources(
  base: Footprint,
  look: () => Promise<Footprint>,
): Promise<Breach[]> {
  const isReleased = async () => {
    const now = await look();
    return (
      now.connections <= base.connections + moreConnections &&
      now.descriptors <= base.descriptors + moreDescriptors &&
      now.residentMegabytes <= base.residentMegabytes * memoryFactor
    );
  };
  const isKept = await until(isReleased, releaseMilliseconds).then(
    () => true,
    () => false,
  );
  const evidence = isKept ? '' : `${JSON.stringify(await look())} after ${JSON.stringify(base)}`;
  return expectThat(isKept, 'idle replicas release their resources within a minute', evidence);
}
