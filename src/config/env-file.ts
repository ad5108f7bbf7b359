/** Reads the file `.env`. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { fileCause } from '../core/errors.ts';
import { decodeUtf8, EncodingError } from '../core/text.ts';

type Values = Readonly<Record<string, string | undefined>>;

/** The file `.env` cannot be used. */
export class EnvFileError extends Error {}

/** To a parser of .env files, a colour without quotes is a comment. */
function unquotedColor(text: string): Values {
  const color = /^[ \t]*(?:export[ \t]+)?BRAND_COLOR=[ \t]*(#[0-9a-f]{6})[ \t]*$/im.exec(text)?.[1];
  return color === undefined ? {} : { BRAND_COLOR: color };
}

/**
 * The variables of the file `.env` in the directory; none without the file.
 *
 * @throws EnvFileError if it cannot be read, or is no UTF-8
 */
export function readEnvFile(directory: string): Values {
  try {
    const text = decodeUtf8(readFileSync(resolve(directory, '.env')));
    return { ...parseEnv(text), ...unquotedColor(text) };
  } catch (error) {
    if (error instanceof EncodingError) throw new EnvFileError(`.env ${error.message}`);
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new EnvFileError(`.env cannot be read: ${fileCause(error)}`);
  }
}
