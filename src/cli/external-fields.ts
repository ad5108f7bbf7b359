/** The options for the external id and the metadata of a user. */
import type { Argv } from 'yargs';
import { JsonFault, parseStrictJson } from '../core/json.ts';
import type { GlobalArguments } from './arguments.ts';
import { UsageError } from './errors.ts';

export interface ExternalFieldArguments {
  readonly 'external-id': string | undefined;
  readonly metadata: string | undefined;
}

export function externalFieldOptions<Arguments extends GlobalArguments>(
  argv: Argv<Arguments>,
  describe: { readonly externalId: string; readonly metadata: string },
): Argv<Arguments & ExternalFieldArguments> {
  const text = { type: 'string', requiresArg: true } as const;
  return argv
    .option('external-id', { ...text, describe: describe.externalId })
    .option('metadata', { ...text, describe: describe.metadata });
}

/** More levels than metadata may have: the service names its own limit. */
const maxLevels = 32;

/** @throws UsageError for a text that is not JSON, or that two parsers could read differently */
export function parseMetadataOption(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return parseStrictJson(text, maxLevels);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    const fault = error.reason ? `: the JSON ${error.reason}` : '';
    throw new UsageError(`--metadata takes JSON such as '{"plan":"pro"}'${fault}.`);
  }
}
