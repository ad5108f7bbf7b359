/**
 * The import of people with bcrypt hashes by the command line, into the database of a running server, while people log
 * in one after another.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchDatabase, BenchEnv } from '../env.ts';
import { logIn, seedPeople } from '../people.ts';
import { gatehouseCommand, residentMegabytes } from '../process.ts';
import type { PartResult } from '../report.ts';
import { percentile } from '../sampling.ts';

const loginPeople = 100;
const loginPauseMs = 50;
const bcryptHash = '$2b$12$LJ3m4ys3Lz0WZ5p5qYbXhu0123456789abcdefghijklmnopqrstu';

export async function measureImport(env: BenchEnv): Promise<PartResult> {
  const people = env.isQuick ? 10_000 : 100_000;
  const database = await env.database('import');
  // The logins of one network would reach its rate limit.
  const unlimited = { NODE_ENV: 'development', RATE_LIMITS: 'off' };
  await using server = await env.gatehouse(database, unlimited);
  await seedPeople(database, loginPeople);
  const file = join(env.directory, 'people.jsonl');
  await writePeople(file, people);
  const command = startImport(env, database, file);
  const logins = await logInUntil(command.ended, server.address);
  const { seconds, peakMegabytes } = await command.ended;
  const { rows } = await database.pool.query<{ count: string }>('select count(*) from users');
  if (Number(rows[0]?.count) !== people + loginPeople) throw new Error('people are missing');
  return {
    measured: [],
    ratios: [
      {
        metric: `import of ${people} people with bcrypt hashes`,
        value: seconds,
        unit: 's',
        ...(env.isQuick ? {} : { atMost: 60 }),
      },
      { metric: 'imported people per second', value: people / seconds, unit: '' },
      {
        metric: 'resident memory of the import, peak',
        value: peakMegabytes,
        unit: 'MB',
        atMost: 400,
      },
      { metric: 'logins during the import', value: logins.milliseconds.length, unit: '' },
      { metric: 'of them failed', value: logins.failed, unit: '', atMost: 0 },
      {
        metric: 'a login during the import, p99',
        value: percentile(logins.milliseconds, 0.99),
        unit: 'ms',
      },
    ],
  };
}

async function writePeople(file: string, count: number): Promise<void> {
  const output = createWriteStream(file);
  for (let number = 1; number <= count; number += 1) {
    const person = {
      externalId: String(number),
      email: `imported${number}@example${number % 50}.com`,
      username: `imported${number}`,
      firstName: 'Ada',
      lastName: `Lovelace ${number % 1000}`,
      passwordHash: bcryptHash,
      createdAt: '2021-03-04T10:11:12Z',
      groups: number % 10 === 0 ? ['Editors'] : [],
    };
    if (!output.write(`${JSON.stringify(person)}\n`)) {
      await new Promise((resolve) => output.once('drain', resolve));
    }
  }
  output.end();
  await finished(output);
}

function startImport(env: BenchEnv, database: BenchDatabase, file: string) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, gatehouseCommand('import', 'users', file, '--json'), {
    env: env.environmentOf(database),
    cwd: env.directory,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peakMegabytes = 0;
  const timer = setInterval(() => {
    peakMegabytes = Math.max(peakMegabytes, residentMegabytes(child.pid ?? 0) ?? 0);
  }, 250);
  const ended = new Promise<{ seconds: number; peakMegabytes: number }>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      clearInterval(timer);
      if (code !== 0) reject(new Error(`the import ended with ${code}`));
      else resolve({ seconds: (performance.now() - startedAt) / 1000, peakMegabytes });
    });
  });
  return { ended };
}

async function logInUntil(ended: Promise<unknown>, address: string) {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  void ended.then(end, end);
  const milliseconds: number[] = [];
  let failed = 0;
  for (let number = 1; !isOver; number = (number % loginPeople) + 1) {
    const startedAt = performance.now();
    await logIn(address, number).catch(() => {
      failed += 1;
    });
    milliseconds.push(performance.now() - startedAt);
    await sleep(loginPauseMs);
  }
  return { milliseconds, failed };
}
