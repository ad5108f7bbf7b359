/** Probes the liveness of every replica a few times a second, and collects failures. */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../../support/until.ts';
import type { Breach } from '../support/auditor.ts';

export interface HealthWatch {
  /** Waits until every replica is ready. */
  untilReady(): Promise<void>;
  breaches(): Breach[];
  stop(): Promise<void>;
}

const pauseMilliseconds = 250;
const timeoutMilliseconds = 5000;
const readyMilliseconds = 120_000;

export function watchHealth(addresses: readonly string[]): HealthWatch {
  const found: Breach[] = [];
  let isStopping = false;

  const watch = async (address: string): Promise<void> => {
    while (!isStopping) {
      const status = await statusOf(`${address}/health/live`);
      if (status !== 200) {
        const evidence = `${address}: ${status ?? 'no response'}`;
        found.push({ promise: 'a running process is live', evidence });
      }
      await sleep(pauseMilliseconds);
    }
  };
  const watching = addresses.map(watch);

  const areReady = async () => {
    const statuses = await Promise.all(addresses.map((it) => statusOf(`${it}/health/ready`)));
    return statuses.every((status) => status === 200);
  };
  return {
    untilReady: async () => void (await until(areReady, readyMilliseconds)),
    breaches: () => found,
    async stop() {
      isStopping = true;
      await Promise.all(watching);
    },
  };
}

async function statusOf(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMilliseconds) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return undefined;
  }
}
