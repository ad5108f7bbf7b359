/**
 * How the tests run, in two tiers. Files named `.unit.test.ts` need nothing but the source. All others
 * share one embedded PostgreSQL, with a database of its own for each file.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/support/slowest-first.ts';

// Workers inherit it, and do not compile the packages again.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('node_modules/.cache/gatehouse-tests', import.meta.url),
);

export default defineConfig({
  resolve: {
    // type-graphql and the tests would otherwise hold two copies of it.
    alias: { graphql: fileURLToPath(import.meta.resolve('graphql')) },
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'service',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.unit.test.ts'],
          globalSetup: 'test/support/global-setup.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.unit.test.ts'],
          setupFiles: ['test/support/unit-setup.ts'],
        },
      },
    ],
    reporters: ['default', ['json', { outputFile: 'test-results.json' }]],
    // Files share their modules: each has a service of its own, and no module keeps anything.
    isolate: false,
    // Services and their tests make much garbage: a larger young generation is collected less often.
    execArgv: ['--max-semi-space-size=64'],
    // While one waits, for a deadline or a process, the others work.
    maxWorkers: Math.min(availableParallelism() + 1, 4),
    sequence: { sequencer: SlowestFirst },
    setupFiles: ['test/support/require-assertions.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
