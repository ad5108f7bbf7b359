/** Parses the JSON of a request body, strictly. */
import { isUtf8 } from 'node:buffer';
import { JsonFault, parseStrictJson } from '../../core/json.ts';
import { HttpError } from './responses.ts';

/** @throws HttpError 400 */
export function parseJsonBody(bytes: Buffer, maxDepth: number): unknown {
  if (!isUtf8(bytes)) throw new HttpError(400, 'The request body is not valid UTF-8.');
  try {
    return parseStrictJson(bytes.toString('utf8'), maxDepth);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw new HttpError(400, error.reason && `The request body ${error.reason}.`);
  }
}
