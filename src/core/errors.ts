/**
 * The catalogue of the errors that a caller can see: error code, HTTP status and public sentence.
 * GraphQL, REST, the command line and the table of docs/graphql.md use this one list.
 */
import type { PasswordFault } from './password-fault.ts';

const catalogue = {
  VALIDATION_FAILED: { status: 400, sentence: 'Some of the input is invalid; see fields.' },
  INVALID_CREDENTIALS: {
    status: 401,
    sentence: 'Incorrect email or password, or the address is not confirmed yet.',
  },
  ACCOUNT_NOT_ACTIVE: {
    status: 401,
    sentence: 'The account is not active yet. Confirm the address with the code in the mail.',
  },
  INVALID_CODE: {
    status: 400,
    sentence: 'The code is wrong, used, expired or replaced by a newer one.',
  },
  INVALID_TOKEN: { status: 401, sentence: 'The token is wrong, used, expired or revoked.' },
  ALREADY_EXISTS: { status: 400, sentence: 'The value is already in use; see fields.' },
  NOT_FOUND: { status: 404, sentence: 'Not found.' },
  PROTECTED: { status: 403, sentence: 'This item is protected. It cannot be changed or removed.' },
  UNAUTHENTICATED: {
    status: 401,
    sentence: 'Send a valid access token or API key as a bearer token.',
  },
  FORBIDDEN: { status: 403, sentence: 'This account does not have the permission.' },
  THROTTLED: { status: 429, sentence: 'Too many attempts; try again later.' },
  OVERLOADED: { status: 503, sentence: 'The service is busy; try again shortly.' },
  INTERNAL: { status: 500, sentence: 'Internal error.' },
} as const satisfies Record<string, { readonly status: number; readonly sentence: string }>;

export type ProblemCode = keyof typeof catalogue;

/** Error codes that GraphQL returns as top-level errors: the links of GraphQL clients react to these. */
const topLevelCodes: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'THROTTLED',
  'OVERLOADED',
  'INTERNAL',
]);

export const problemCodes = Object.keys(catalogue) as readonly ProblemCode[]; // as: the keys of a literal

/** One bad input: `path` is its name in the operation's input, such as `firstName`. */
export interface FieldProblem {
  readonly path: string;
  readonly message: string;
}

/** The faults of passwords among the bad inputs, by the path of the field. */
export type PasswordFaults = ReadonlyMap<string, PasswordFault>;

export interface ProblemDetails {
  readonly fields?: readonly FieldProblem[];
  readonly passwordFaults?: PasswordFaults;
  readonly retryAfterSeconds?: number;
}

/** An error that a caller can cause and that the caller sees. Any other error is a bug. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly fields: readonly FieldProblem[];
  /** For pages, which translate them. No answer of the API contains them. */
  readonly passwordFaults: PasswordFaults;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, details: ProblemDetails = {}) {
    super(catalogue[code].sentence);
    this.name = 'Problem';
    this.code = code;
    this.fields = details.fields ?? [];
    this.passwordFaults = details.passwordFaults ?? new Map();
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** The HTTP status of an error code in REST. */
export function statusOf(code: ProblemCode): number {
  return catalogue[code].status;
}

/** The public sentence of an error code. */
export function sentenceOf(code: ProblemCode): string {
  return catalogue[code].sentence;
}

export function isTopLevel(code: ProblemCode): boolean {
  return topLevelCodes.has(code);
}

export function isProblemCode(value: unknown): value is ProblemCode {
  return typeof value === 'string' && Object.hasOwn(catalogue, value);
}

/** A file cannot be read or written. The message is a sentence that names the file and the cause. */
export class FileError extends Error {
  override name = 'FileError';
}

const causes: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'the file or its directory does not exist',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the system limits the size of files',
  EIO: 'the disk reports an input/output error',
  EMFILE: 'the process has too many open files',
  ENAMETOOLONG: 'the name is too long',
};

/** The cause of a failed call of the file system, for the end of a sentence. */
export function fileCause(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return causes[code] ?? `error ${code}`;
}
