/**
 * Finds variables of the environment with a name that is almost the name of a variable here, such as SECRETKEY. Other
 * programs have variables of their own, so the rules are narrow.
 */
import { EnvFileError, readEnvFile } from './env-file.ts';
import { variables } from './variables.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface Misspelling {
  readonly name: string;
  readonly meant: string;
}

/** Two characters of the name can differ, and a third of each word. */
const maxDistance = 2;
/** Shorter names, such as HOST, resemble too many others. Only their plural counts. */
const minLength = 6;
/** In shorter names a replaced character is another word: API_URL is not APP_URL, and API_NAME not APP_NAME. */
const minReplacedLength = 9;

/**
 * The unknown variables of the environment and the `.env` file of `directory` that resemble a known one which is not
 * set. None for a file that `readConfig` refuses.
 */
export function findMisspellings(
  environment: Environment,
  directory: string,
): readonly Misspelling[] {
  const values = { ...readFile(directory), ...environment };
  const known = Object.keys(variables.shape);
  const unset = known.filter((name) => !values[name]);
  return Object.entries(values).flatMap(([name, value = '']) => {
    if (value === '' || known.includes(name) || isServiceLink(value)) return [];
    const meant = unset.find((other) => isSimilar(name, other));
    return meant === undefined ? [] : [{ name, meant }];
  });
}

function readFile(directory: string): Environment {
  try {
    return readEnvFile(directory);
  } catch (error) {
    if (error instanceof EnvFileError) return {};
    throw error;
  }
}

/** Kubernetes gives each container the addresses of all services: `MAIL_PORT=tcp://10.0.0.1:25`. */
function isServiceLink(value: string): boolean {
  return /^(tcp|udp|sctp):\/\//.test(value);
}

function isSimilar(name: string, known: string): boolean {
  if (known.length < minLength) return name === `${known}S`;
  const text = name.toUpperCase();
  const [plain, knownPlain] = [withoutMarks(text), withoutMarks(known)];
  if (plain === knownPlain) return true;
  if (known.length < minReplacedLength && plain.length === knownPlain.length) return false;
  const [words, knownWords] = [text.split('_'), known.split('_')];
  if (words.length !== knownWords.length) return false;
  const distances = knownWords.map((word, index) => distanceOf(words[index] ?? '', word));
  const isNear = distances.every(
    (distance, index) => 3 * distance <= (knownWords[index]?.length ?? 0),
  );
  return isNear && distances.reduce((sum, distance) => sum + distance, 0) <= maxDistance;
}

/** The name without underscores and a plural s. */
function withoutMarks(name: string): string {
  return name.replaceAll('_', '').replace(/S$/, '');
}

/** The number of inserted, left out, replaced and swapped characters. */
function distanceOf(one: string, other: string): number {
  let [before, last]: number[][] = [[], Array.from({ length: other.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const isSame = one[i - 1] === other[j - 1];
      const isSwapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row[j] = Math.min(
        (row[j - 1] ?? 0) + 1,
        (last?.[j] ?? 0) + 1,
        (last?.[j - 1] ?? 0) + (isSame ? 0 : 1),
        ...(isSwapped ? [(before?.[j - 2] ?? 0) + 1] : []),
      );
    }
    [before, last] = [last, row];
  }
  return last?.[other.length] ?? 0;
}
