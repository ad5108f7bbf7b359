/**
 * How the tests run, in tiers. Files named `.unit.test.ts` need nothing but the source. All others share one embedded
 * PostgreSQL, with a database of its own for each file. Those that install large tools are a project of their own,
 * which `npm run test:ecosystem` runs.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/support/slowest-first.ts';

// Workers inherit it, and do not compile the packages again.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('node_modules/.cache/gatehouse-tests', import.meta.url),
);

/** Together they install about a gigabyte. */
const withLargeTools = [
  'test/ecosystem/{federation,browser-clients,react-example,graphql-*,openapi-*,packages,relay,trusted-documents}.test.ts',
];

const globalSetup = 'test/support/global-setup.ts';

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
          exclude: ['test/**/*.unit.test.ts', ...withLargeTools],
          globalSetup,
        },
      },
      {
        extends: true,
        test: {
          name: 'ecosystem',
          include: withLargeTools,
          globalSetup,
          hookTimeout: 300_000,
          testTimeout: 120_000,
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
    // A busy machine stalls for seconds.
    expect: { poll: { timeout: 10_000 } },
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
