/** Unique secrets, and a search for them in files in every encoding. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

export interface Canaries {
  /** A new secret, which is valid as a password and as a token. */
  make(name: string): string;
  /** Adds a secret that was created elsewhere. */
  watch(name: string, secret: string): string;
  /** `file: name` for every secret in a file below the directories. */
  findIn(directories: readonly string[]): string[];
}

export function createCanaries(): Canaries {
  const names = new Map<string, string>();
  const watch: Canaries['watch'] = (name, secret) => {
    for (const writing of writingsOf(secret)) names.set(writing, name);
    return secret;
  };
  return {
    make: (name) => watch(name, `kanarie-${randomBytes(12).toString('hex')}`),
    watch,
    findIn(directories) {
      const input = [...names.keys()].join('\n');
      // -a: also binary files, such as those of the database.
      const args = ['-raoF', '-f', '-', ...directories];
      const { status, stdout, stderr } = spawnSync('grep', args, {
        input,
        encoding: 'latin1',
        env: { ...process.env, LC_ALL: 'C' },
        maxBuffer: 64_000_000,
      });
      if (status !== 0 && status !== 1) throw new Error(stderr);
      const found = stdout.split('\n').flatMap((line) => {
        const at = line.lastIndexOf(':');
        return at < 0 ? [] : [`${line.slice(0, at)}: ${names.get(line.slice(at + 1))}`];
      });
      return [...new Set(found)].sort();
    },
  };
}

/** The end of a token is enough, because its beginning is not secret. */
const telling = 22;

/** The text itself, as bytes of PostgreSQL, and in base64 at each of the three offsets. */
function writingsOf(secret: string): string[] {
  const end = secret.slice(-telling);
  const bytes = Buffer.from(end);
  const inBase64 = [0, 1, 2].map((skipped) => {
    const whole = bytes.subarray(skipped, skipped + 3 * Math.floor((bytes.length - skipped) / 3));
    return whole.toString('base64');
  });
  return [end, bytes.toString('hex'), ...inBase64];
}
