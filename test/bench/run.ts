/**
 * `npm run bench [-- part …] [--quick] [--database=<url>]`: measures the service against its physical
 * limits and against peers, in one run on one machine. It uses the PostgreSQL server of `--database`, or
 * an embedded one.
 */
import { parseArgs } from 'node:util';
import { openBenchEnv } from './env.ts';
import { recordClients } from './parts/clients.ts';
import { measureCost } from './parts/cost.ts';
import { measureGrowth } from './parts/growth.ts';
import { measureImport } from './parts/import.ts';
import { measureLatency } from './parts/latency.ts';
import { measureLogin } from './parts/login.ts';
import { measureMe } from './parts/me.ts';
import { measurePeers } from './parts/peers.ts';
import { measureStart } from './parts/start.ts';
import { measureStatements } from './parts/statements.ts';
import { measureWorkers } from './parts/workers.ts';
import {
  describeMachine,
  figureLines,
  isReached,
  measurementLines,
  type PartResult,
  writeJson,
} from './report.ts';

const parts = {
  clients: recordClients,
  me: measureMe,
  login: measureLogin,
  cost: measureCost,
  statements: measureStatements,
  latency: measureLatency,
  growth: measureGrowth,
  peers: measurePeers,
  start: measureStart,
  workers: measureWorkers,
  import: measureImport,
};
type PartName = keyof typeof parts;

const isPart = (name: string): name is PartName => name in parts;

async function main(words: readonly string[]): Promise<void> {
  const { values, positionals: names } = parseArgs({
    args: [...words],
    options: { quick: { type: 'boolean', default: false }, database: { type: 'string' } },
    allowPositionals: true,
  });
  const unknown = names.find((name) => !isPart(name));
  if (unknown !== undefined) throw new Error(`no part ${unknown}; there are ${Object.keys(parts)}`);
  const chosen = names.length > 0 ? names.filter(isPart) : (Object.keys(parts) as PartName[]); // its keys
  const bare = describeMachine(); // before the benchmark causes load
  await using env = await openBenchEnv(values.quick, values.database);
  const machine = { ...bare, postgresql: env.postgresql };
  console.log(JSON.stringify(machine));
  const results: Partial<Record<PartName, PartResult>> = {};
  for (const name of chosen) {
    const result = await parts[name](env);
    results[name] = result;
    console.log(`\n${name}`);
    if (result.measured.length > 0) console.log(`\n${measurementLines(result.measured)}`);
    console.log(`\n${figureLines(result.ratios)}`);
    writeJson('bench-results.json', machine, results);
    if (!result.ratios.every(isReached)) process.exitCode = 1;
  }
}

await main(process.argv.slice(2));
