/** Sends one REST request to a replica and returns its outcome for the journal. */
import type { Answer, RequestOutcome } from './recorder.ts';

export interface RestRequest {
  readonly method: string;
  /** Below the REST prefix, such as `/login/`. */
  readonly path: string;
  readonly token?: string;
  readonly json?: object;
}

export interface RestResponse extends Answer {
  /** `data` of the response, empty without it. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Above the deadline of a response, so that a late response is distinguished from a lost one. */
const timeoutMilliseconds = 15_000;

export async function ask(
  replica: string,
  { method, path, token, json }: RestRequest,
): Promise<RestResponse> {
  try {
    const response = await fetch(`${replica}/auth${path}`, {
      method,
      signal: AbortSignal.timeout(timeoutMilliseconds),
      headers: {
        ...(json ? { 'content-type': 'application/json' } : {}),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(json ? { body: JSON.stringify(json) } : {}),
    });
    const data = dataOf(await response.text());
    const { status } = response;
    return {
      outcome: requestOutcome(status),
      status,
      hasRetryAfter: response.headers.has('retry-after'),
      ...(typeof data.code === 'string' ? { code: data.code } : {}),
      data,
    };
  } catch (error) {
    return { outcome: 'unknown', code: reasonOf(error), data: {} };
  }
}

function requestOutcome(status: number): RequestOutcome {
  if (status >= 200 && status < 300) return 'acknowledged';
  return status >= 400 && status < 500 ? 'refused' : 'unknown';
}

function dataOf(text: string): Readonly<Record<string, unknown>> {
  if (!text.startsWith('{')) return {};
  const { data } = JSON.parse(text);
  return typeof data === 'object' && data !== null ? data : {};
}

/** `fetch` wraps the error of the socket. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return 'unknown';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
}
