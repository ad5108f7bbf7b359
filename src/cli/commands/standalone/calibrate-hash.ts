/** `calibrate-hash`: proposes argon2id parameters whose hash takes at most a given time on this machine. */
import type { CommandModule } from 'yargs';
import {
  defaultHashParameters,
  type HashParameters,
  isAffordable,
} from '../../../crypto/password/parameters.ts';
import type { GlobalArguments } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { print } from '../../output.ts';

interface CalibrateArguments extends GlobalArguments {
  readonly target: string;
}

const samples = 5;
/** MiB. Memory is raised first: it costs an attacker more than iterations do. */
const memorySizes = [19, 32, 46, 64, 96, 128, 192, 256];

export const calibrateHash: CommandModule<GlobalArguments, CalibrateArguments> = {
  command: 'calibrate-hash',
  describe: 'Propose argon2id parameters for this machine',
  builder: (argv) =>
    argv.option('target', {
      type: 'string',
      default: '250ms',
      describe: 'Longest duration of one hash, such as 250ms',
    }),
  handler: async ({ target, ...args }) => {
    const targetMilliseconds = parseTarget(target);
    const { parameters, milliseconds } = await calibrate(targetMilliseconds);
    print(
      { text: formatProposal(parameters, milliseconds), json: { ...parameters, milliseconds } },
      args,
    );
  },
};

function parseTarget(target: string): number {
  const match = /^(\d{1,5})(?:ms)?$/.exec(target);
  const milliseconds = Number(match?.[1]);
  if (match && milliseconds >= 1 && milliseconds <= 10_000) return milliseconds;
  throw new UsageError('--target takes milliseconds from 1ms to 10000ms, such as 250ms.');
}

/** Milliseconds of one hash: the median of some samples on one thread. */
async function measureMs(parameters: HashParameters): Promise<number> {
  const { createPasswordHasher } = await import('../../../crypto/password/hasher.ts');
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

/** Estimates from the default parameters, then measures: the duration grows faster than the memory. */
async function calibrate(targetMilliseconds: number) {
  const base = await measureMs(defaultHashParameters);
  const candidates = candidatesUpTo(targetMilliseconds, base / costOf(defaultHashParameters));
  for (const parameters of candidates.reverse()) {
    const milliseconds = Math.round(await measureMs(parameters));
    if (milliseconds <= targetMilliseconds) return { parameters, milliseconds };
  }
  return { parameters: defaultHashParameters, milliseconds: Math.round(base) };
}

/** A number to which the duration of a hash is about proportional. */
function costOf({ memoryKib, iterations }: HashParameters): number {
  return memoryKib * iterations;
}

/** Parameters whose estimate meets the target. The best one, with most memory, is the last one. */
function candidatesUpTo(targetMilliseconds: number, millisecondsPerCost: number): HashParameters[] {
  return memorySizes
    .flatMap((mebibytes) =>
      [2, 3, 4, 5, 6, 7, 8, 9, 10].map((iterations) => ({
        memoryKib: mebibytes * 1024,
        iterations,
        parallelism: 1,
      })),
    )
    .filter(
      (parameters) =>
        isAffordable(parameters) && costOf(parameters) * millisecondsPerCost <= targetMilliseconds,
    );
}

function formatProposal(
  { memoryKib, iterations, parallelism }: HashParameters,
  milliseconds: number,
): string {
  return [
    `PASSWORD_HASH_MEMORY_KIB=${memoryKib}`,
    `PASSWORD_HASH_ITERATIONS=${iterations}`,
    `PASSWORD_HASH_PARALLELISM=${parallelism}`,
    `# ${milliseconds} ms per hash, about ${Math.max(1, Math.floor(1000 / milliseconds))} logins per second and thread.`,
  ].join('\n');
}
