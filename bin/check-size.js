#!/usr/bin/env node
// Measures the bytes that an app downloads for the client: each entry bundled without its peers, minified and compressed
// with brotli. It fails above the limits.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '../packages/client'));

/** Bytes. */
const limits = { client: 6000, apollo: 1000, urql: 1000 };

for (const [entry, limit] of Object.entries(limits)) {
  const bundle = await rolldown({
    input: `src/${entry}.ts`,
    external: ['@apollo/client', '@urql/core', 'wonka'],
    logLevel: 'warn',
  });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  await bundle.close();
  const code = output.map((chunk) => chunk.code).join('');
  const size = brotliCompressSync(code).length;
  const text = `${code.length} minified, ${gzipSync(code).length} gzip, ${size} brotli`;
  console.log(`@gatehouse-auth/client, ${entry}: ${text} (at most ${limit})`);
  if (size > limit) process.exitCode = 1;
}
