/** The service and the person of a journey, for each generated client. */
export interface World {
  readonly address: string;
  /** Whether each request has a connection of its own, for a server that closes idle ones early. */
  readonly isUnpooled?: boolean;
  readonly email: string;
  readonly password: string;
  readonly newPassword: string;
  /** The name of a new group. */
  readonly groupName: string;
  /** An access token of a superuser. */
  readonly rootToken: string;
  /** The code of the verification mail. */
  verificationCode(): Promise<string>;
  /** Uid and token of the reset mail. */
  resetLink(): Promise<{ readonly uid: string; readonly token: string }>;
}

/** What a client has seen; the same for every client. */
export interface Seen {
  /** Code and first field of a refused registration. */
  readonly refusal: readonly [code: string, field: string | undefined];
  readonly names: readonly [fullName: string, changedName: string];
  readonly lastLogin: string | null;
  readonly wasRefreshed: boolean;
  readonly statusAfterLogout: number;
  readonly addresses: readonly string[];
  readonly pages: number;
  readonly group: { readonly id: string; readonly name: string };
  readonly codeForStranger: string;
}

/** The cursor of the next page, from the header `Link`. */
export function nextCursor(headers: Headers): string | undefined {
  const url = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
  if (url === undefined) return undefined;
  return new URL(url, 'http://relative.invalid').searchParams.get('cursor') ?? undefined;
}

/** The value; an Error if there is none, with the problem that came instead. */
export function given<Value>(value: Value | undefined, problem?: unknown): Value {
  if (value === undefined) throw new Error(`refused: ${JSON.stringify(problem)}`);
  return value;
}
