/** The form of every error response. */
import { expect } from 'vitest';
import { isProblemCode, type ProblemCode, sentenceOf, statusOf } from '../../src/core/errors.ts';

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Internal details that no response may contain: stacks, files, SQL, libraries. */
export const internals =
  /\bat \S+:\d+:\d+|node_modules|\.[jt]s\b|SQLSTATE|relation |constraint|insert into|\bselect |FST_ERR|GraphQLError|mikro|postgres|kysely/i;

/** The data of a response, which must have the form of an error. */
export function envelopeOf({ text }: Pick<Answer, 'text'>): {
  readonly message: string;
  readonly code: string;
  readonly fields: readonly { readonly path: string; readonly message: string }[];
} {
  expect(text).not.toMatch(internals);
  const body = JSON.parse(text);
  expect(body).toEqual({
    message: expect.any(String),
    data: { code: expect.any(String), fields: expect.any(Array) },
  });
  const { code, fields } = body.data;
  expect(isProblemCode(code), `${code} is in the catalogue`).toBe(true);
  for (const field of fields) {
    expect(field).toEqual({
      path: expect.stringMatching(/^[a-z0-9_]+$/),
      message: expect.any(String),
    });
  }
  return { message: body.message, code, fields };
}

/** Expects a REST response with the error `code` of the catalogue and exactly these `fields`. */
export function expectRefusal(answer: Answer, code: ProblemCode, fields: readonly string[] = []) {
  const envelope = envelopeOf(answer);
  expect({
    status: answer.status,
    code: envelope.code,
    message: envelope.message,
    fields: envelope.fields.map(({ path }) => path),
  }).toEqual({ status: statusOf(code), code, message: sentenceOf(code), fields });
}
