/** `hash-calibrate`: proposes argon2id parameters that take a given time on this machine. */
import type { CommandModule } from 'yargs';
import {
  defaultHashParameters,
  type HashParameters,
  isAffordable,
} from '../../crypto/password/parameters.ts';
import { type GlobalArguments, print } from '../context.ts';
import { UsageError } from '../usage.ts';

interface CalibrateArguments extends GlobalArguments {
  readonly target: string;
}

const samples = 5;
/** MiB; more memory costs an attacker more than more iterations, so it is raised first. */
const memories = [19, 32, 46, 64, 96, 128, 192, 256];

export const calibrateHash: CommandModule<GlobalArguments, CalibrateArguments> = {
  command: 'hash-calibrate',
  describe: 'Propose argon2id parameters for this machine',
  builder: (argv) =>
    argv.option('target', {
      type: 'string',
      default: '250ms',
      describe: 'How long one hash may take, such as 250ms',
    }),
  handler: async ({ target, ...given }) => {
    const targetMilliseconds = parseTarget(target);
    const { parameters, milliseconds } = await calibrate(targetMilliseconds);
    print(
      { text: proposal(parameters, milliseconds), json: { ...parameters, milliseconds } },
      given,
    );
  },
};

function parseTarget(target: string): number {
  const match = /^(\d{1,5})(?:ms)?$/.exec(target);
  const milliseconds = Number(match?.[1]);
  if (match && milliseconds >= 1 && milliseconds <= 10_000) return milliseconds;
  throw new UsageError('--target takes milliseconds from 1ms to 10000ms, such as 250ms.');
}

/** Milliseconds of one hash: the median of a few, with the machine otherwise left alone. */
async function measure(parameters: HashParameters): Promise<number> {
  const { createPasswordHasher } = await import('../../crypto/password/hasher.ts');
  const hasher = createPasswordHasher({ threads: 1, queueLimit: 1, parameters });
  await hasher.hash('warm up');
  const times: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    const start = performance.now();
    await hasher.hash('a password to measure with');
    times.push(performance.now() - start);
  }
  await hasher.close();
  return times.sort((one, other) => one - other)[samples >> 1] ?? Number.NaN;
}

/** Estimates from the default, then measures, as more memory is slower than in proportion. */
async function calibrate(targetMilliseconds: number) {
  const base = await measure(defaultHashParameters);
  const candidates = candidatesWithin(targetMilliseconds, base / costOf(defaultHashParameters));
  for (const parameters of candidates.reverse()) {
    const milliseconds = Math.round(await measure(parameters));
    if (milliseconds <= targetMilliseconds) return { parameters, milliseconds };
  }
  return { parameters: defaultHashParameters, milliseconds: Math.round(base) };
}

/** What the time of a hash is about proportional to. */
function costOf({ memoryKib, iterations }: HashParameters): number {
  return memoryKib * iterations;
}

/** Those that should stay within the target, the best last: most memory, then most iterations. */
function candidatesWithin(
  targetMilliseconds: number,
  millisecondsPerCost: number,
): HashParameters[] {
  return memories
    .flatMap((mebibytes) =>
      [2, 3, 4, 5, 6, 7, 8, 9, 10].map((iterations) => ({
        memoryKib: mebibytes * 1024,
        iterations,
        parallelism: 1,
      })),
    )
    .filter(
      (each) => isAffordable(each) && costOf(each) * millisecondsPerCost <= targetMilliseconds,
    );
}

function proposal(
  { memoryKib, iterations, parallelism }: HashParameters,
  milliseconds: number,
): string {
  return [
    `PASSWORD_HASH_MEMORY_KIB=${memoryKib}`,
    `PASSWORD_HASH_ITERATIONS=${iterations}`,
    `PASSWORD_HASH_PARALLELISM=${parallelism}`,
    `# ${milliseconds} ms a hash, about ${Math.max(1, Math.floor(1000 / milliseconds))} logins a second and thread.`,
  ].join('\n');
}
