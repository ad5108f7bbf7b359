/**
 * The limit of logins: only argon2id, with the parameters of the service and as many threads as processors. Reads its
 * specification as JSON, and writes a sample.
 */
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { Piscina } from 'piscina';
import { type Sample, sampleOf } from '../sampling.ts';
import type { Verification } from './argon2-worker.ts';

export interface Argon2Spec {
  readonly seconds: number;
  readonly concurrency: number;
  readonly task: Verification;
}

const { seconds, concurrency, task } = JSON.parse(await text(process.stdin)) as Argon2Spec; // written by runJson
const threads = availableParallelism();
const pool = new Piscina({
  filename: new URL('./argon2-worker.ts', import.meta.url).href,
  name: 'verify',
  minThreads: threads,
  maxThreads: threads,
  concurrentTasksPerWorker: 2, // else a thread waits for its next task
  niceIncrement: 10, // as in the service, so that other load on the machine affects both
  recordTiming: false,
});
const sample: Sample = await sampleOf({ seconds, concurrency }, async () => {
  if (!(await pool.run(task))) throw new Error('the password is not right');
});
await pool.destroy();
process.stdout.write(JSON.stringify(sample));
