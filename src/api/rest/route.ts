/** The type of REST routes, and helpers to declare their parameters and documents. */
import type { ProblemCode } from '../../core/errors.ts';

export interface RestParam {
  readonly from: 'body' | 'query' | 'path';
  /** The variable of the GraphQL document, such as `input.firstName`. */
  readonly to: string;
  readonly isRequired: boolean;
  /** Replaces the description of the variable in schema.graphql. */
  readonly description?: string;
  /** Its type. In forms and queries every value is text; `json` is any JSON value, and the JSON text of a form. */
  readonly kind: 'text' | 'flag' | 'number' | 'ids' | 'codes' | 'json';
}

export interface RestRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Without the prefix, with the final slash, which is optional in requests. */
  readonly path: string;
  readonly summary: string;
  /** Whether a request needs an access token. */
  readonly needsToken: boolean;
  /** Whether the session cookie is accepted in place of an access token. */
  readonly acceptsSessionCookie?: true;
  /** Whether the operation sets, uses or removes the session cookie. Every route accepts the header of cookie mode. */
  readonly usesSessionCookie?: true;
  readonly params: Readonly<Record<string, RestParam>>;
  /**
   * Whether unknown keys of the body and the query, and blank fields of a form, are refused: an object without
   * its misspelt or blank limit would have more rights.
   */
  readonly isStrict?: true;
  /** A flag of the query that selects another operation with the same result. The flag is also in `params`. */
  readonly variant?: { readonly flag: string; readonly document: string };
  /** Variables that a request does not set. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** A GraphQL document with one root field that has the alias `result`. */
  readonly document: string;
  readonly success: {
    readonly status: 200 | 201 | 204;
    readonly message: string;
    /**
     * Names in `data`, with the path of each value in `result`, or in each node of a list. `.` is the
     * result itself, `a.b` the field `b` of every item of the list `a`.
     */
    readonly data: Readonly<Record<string, string>>;
    /** Name of the object in the OpenAPI document; the name of its GraphQL type by default. */
    readonly dataName?: string;
  };
  /** Whether the result is a connection: `nodes` become `data`, with a Link to the next page. */
  readonly isList?: true;
  /** The field of the result with the items of a list that is no connection. */
  readonly itemsField?: string;
  /** The problem that a result of `false` means. */
  readonly problemIfFalse?: { readonly code: ProblemCode; readonly message: string };
  /** Statuses of error codes that differ from the catalogue. */
  readonly statuses?: Readonly<Partial<Record<ProblemCode, number>>>;
  /** Whether a GET consumes a code. Browsers, HEAD and prefetches get a page with a button instead. */
  readonly consumesToken?: true;
}

const param =
  (from: RestParam['from'], isRequired: boolean) =>
  (to: string, kind: RestParam['kind'] = 'text') =>
    ({ from, to, isRequired, kind }) satisfies RestParam;

export const body = param('body', true);
export const optionalBody = param('body', false);
export const query = param('query', true);
export const optionalQuery = param('query', false);
export const path = param('path', true);

/** The parameters of a list. */
export const pageParams = {
  limit: { ...optionalQuery('first', 'number'), description: 'Maximum number of items.' },
  cursor: {
    ...optionalQuery('after'),
    description: 'Cursor of the next page, from the `Link` header of this page.',
  },
} satisfies RestRoute['params'];

export const problem = '... on Problem { code message fields { path message } }';
export const deletion = `... on Deletion { message } ${problem}`;
export const acknowledgement = `... on Acknowledgement { message } ${problem}`;
