/** What rows of the REST table are made of again and again. */
import type { RestInput } from './row.ts';

const input =
  (from: RestInput['from'], isRequired: boolean) =>
  (to: string, description: string, kind: RestInput['kind'] = 'text') =>
    ({ from, to, isRequired, description, kind }) satisfies RestInput;

export const body = input('body', true);
export const optionalBody = input('body', false);
export const query = input('query', true);
export const optionalQuery = input('query', false);
export const path = input('path', true);

export const problem = '... on Problem { code message fields { path message } }';
export const acknowledgement = `... on Acknowledgement { message } ${problem}`;
