/** The errors of the OAuth endpoints (RFC 6749 §5.2), and the table that translates the codes of problems to them. */
import { type Problem, type ProblemCode, sentenceOf } from '../../core/errors.ts';

const statuses = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  /** RFC 6750 §3.1 */
  invalid_token: 401,
  /** RFC 7009 §2.2.1 */
  unsupported_token_type: 400,
  /** RFC 6750 §3.1 */
  insufficient_scope: 403,
  temporarily_unavailable: 503,
  server_error: 500,
} as const;

export type OAuthErrorCode = keyof typeof statuses;

interface OAuthErrorDetails {
  readonly status?: number;
  readonly retryAfterSeconds?: number | undefined;
}

/** An error that only OAuth has. Its description is public and repeats nothing of the request. */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode;
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: OAuthErrorCode, description: string, details: OAuthErrorDetails = {}) {
    super(description);
    this.name = 'OAuthError';
    this.code = code;
    this.status = details.status ?? statuses[code];
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

interface Translation {
  readonly error: OAuthErrorCode;
  readonly status?: number;
  /** The sentence of the problem, if it is undefined. */
  readonly description?: string;
}

const clientFailed: Translation = {
  error: 'invalid_client',
  description: 'The client authentication is missing or wrong.',
};

const translations = {
  VALIDATION_FAILED: { error: 'invalid_request' },
  INVALID_CREDENTIALS: clientFailed,
  ACCOUNT_NOT_ACTIVE: clientFailed,
  INVALID_CODE: { error: 'invalid_grant' },
  INVALID_TOKEN: { error: 'invalid_grant' },
  ALREADY_EXISTS: { error: 'invalid_request' },
  NOT_FOUND: { error: 'invalid_request', status: 404 },
  PROTECTED: { error: 'insufficient_scope' },
  UNAUTHENTICATED: clientFailed,
  /** Only the introspection by a person. */
  FORBIDDEN: { error: 'insufficient_scope', description: 'Introspection is for service accounts.' },
  THROTTLED: { error: 'temporarily_unavailable', status: 429 },
  OVERLOADED: { error: 'temporarily_unavailable' },
  INTERNAL: { error: 'server_error' },
} as const satisfies Record<ProblemCode, Translation>;

/** The OAuth error of a problem. */
export function toOAuthError({ code, fields, retryAfterSeconds }: Problem): OAuthError {
  const { error, status, description }: Translation = translations[code];
  const details = fields.map(({ path, message }) => `${toSnakeCase(path)}: ${message}`).join(' ');
  const text = description ?? (details || sentenceOf(code));
  return new OAuthError(error, text, {
    ...(status === undefined ? {} : { status }),
    retryAfterSeconds,
  });
}

function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The error of a missing or malformed parameter. */
export function invalidRequest(description: string): OAuthError {
  return new OAuthError('invalid_request', description);
}
