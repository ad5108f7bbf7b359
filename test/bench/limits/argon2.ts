/**
 * The limit of logins: only argon2id, with the parameters, the worker, the number of threads and the priority of the
 * service. Reads its specification as JSON, and writes a sample.
 */
import { text } from 'node:stream/consumers';
import { Piscina } from 'piscina';
import { hashThreadsPerWorker } from '../../../src/crypto/password/hasher.ts';
import type { CompareTask } from '../../../src/crypto/password/worker.ts';
import { type Sample, sampleOf } from '../measure.ts';

export interface Argon2Spec {
  readonly seconds: number;
  readonly concurrency: number;
  readonly task: CompareTask;
}

const { seconds, concurrency, task } = JSON.parse(await text(process.stdin)) as Argon2Spec; // written by runJson
const worker = new URL('../../../dist/crypto/password/worker.js', import.meta.url);
const threads = hashThreadsPerWorker(1);
const pool = new Piscina({
  filename: worker.href,
  name: 'compare',
  minThreads: threads,
  maxThreads: threads,
  concurrentTasksPerWorker: 2, // else a thread waits for its next task
  niceIncrement: 10,
  recordTiming: false,
});
const sample: Sample = await sampleOf({ seconds, concurrency }, async () => {
  if (!(await pool.run(task))) throw new Error('the password is not right');
});
await pool.destroy();
process.stdout.write(JSON.stringify(sample));
