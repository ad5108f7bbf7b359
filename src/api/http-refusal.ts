/** What HTTP itself refuses, before anybody's operation is looked at, and the sentences for it. */
import { httpLimits } from './http-limits.ts';

const sentences: Readonly<Record<number, string>> = {
  400: 'The request is malformed; send well-formed JSON or a form.',
  404: 'There is nothing here by that name.',
  406: 'Answers are JSON, which the Accept header leaves out.',
  408: 'The request took too long to arrive.',
  413: `The body is too large; send at most ${httpLimits.bodyBytes} bytes.`,
  414: 'The address is too long.',
  415: 'This content type is not read here; send application/json or a form, in UTF-8 and uncompressed.',
  431: `The headers are too large; send at most ${httpLimits.headerBytes} bytes.`,
  501: 'This method is not known here.',
};

export function sentenceOfStatus(status: number): string {
  return sentences[status] ?? 'The request cannot be read.';
}

/** Thrown where a request is refused by HTTP; the message is public and quotes nothing. */
export class HttpRefusal extends Error {
  readonly statusCode: number;

  constructor(statusCode: number, message = sentenceOfStatus(statusCode)) {
    super(message);
    this.name = 'HttpRefusal';
    this.statusCode = statusCode;
  }
}
