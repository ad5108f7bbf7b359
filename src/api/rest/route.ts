/** The shape of a row of the REST table. */
import type { ProblemCode } from '../../core/errors.ts';

export interface RestInput {
  readonly from: 'body' | 'query' | 'path';
  /** Where the value goes among the document's variables, such as `input.firstName`. */
  readonly to: string;
  readonly isRequired: boolean;
  readonly description: string;
  /** What it has to be; forms and queries write all of them as text. */
  readonly kind: 'text' | 'flag' | 'number' | 'ids';
}

export interface RestRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the prefix, with a final slash that callers may leave out. */
  readonly path: string;
  readonly summary: string;
  /** Whether the caller must send an access token. */
  readonly needsToken: boolean;
  readonly inputs: Readonly<Record<string, RestInput>>;
  /** Variables where the request brings none. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** A GraphQL document whose one root field is called `result`. */
  readonly document: string;
  readonly success: {
    readonly status: 200 | 201 | 204;
    readonly message: string;
    /**
     * Names in `data` and where they come from in `result`, or in each node of a list; `.` is the
     * result itself, `a.b` the `b` of everything in the list `a`.
     */
    readonly data: Readonly<Record<string, string>>;
  };
  /** Whether the document answers a connection: `nodes` become `data`, with a link to the next page. */
  readonly isList?: true;
  /** What a `false` of the document means, where that is a refusal. */
  readonly refusal?: { readonly code: ProblemCode; readonly message: string };
  /** Statuses of codes that differ from the catalogue's here. */
  readonly statuses?: Readonly<Partial<Record<ProblemCode, number>>>;
  /** Turned away before it is looked at, while no more passwords can be checked. */
  readonly isLogin?: true;
  /** A GET that uses something up: only for callers that are programs, never for HEAD or prefetch. */
  readonly isConsuming?: true;
}

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
