/** Checks of the responses: their status, their duration, and whether they accept or refuse correctly. */
import type { Bounds, Breach } from './auditor.ts';
import type { Recorded } from './recorder.ts';

export function brokenAnswers(requests: readonly Recorded[], bounds: Bounds): Breach[] {
  return [
    ...requests.flatMap((request) => brokenForm(request, bounds)),
    ...acceptedDeadTokens(requests, bounds),
    ...refusedWithoutReason(requests),
  ];
}

/** During a fault a response is at worst 503 with Retry-After, and arrives before the deadline. */
function brokenForm(request: Recorded, { deadline }: Bounds): Breach[] {
  const { answer, sentAt } = request;
  if (answer?.status === undefined) return [];
  const breaches: Breach[] = [];
  const isServerFault = answer.status >= 500;
  if (isServerFault && !(answer.status === 503 && answer.hasRetryAfter)) {
    const evidence = `${nameOf(request)}: ${answer.status}`;
    breaches.push({ promise: 'a fault is answered with 503 and Retry-After', evidence });
  }
  const milliseconds = answer.answeredAt - sentAt;
  if (milliseconds > deadline) {
    const evidence = `${nameOf(request)}: ${milliseconds} ms`;
    breaches.push({ promise: 'every request is answered within the deadline', evidence });
  }
  return breaches;
}

/**
 * A request that must be refused was accepted. A replica may accept a revoked access token until the
 * revocation reaches it.
 */
function acceptedDeadTokens(requests: readonly Recorded[], { revocation }: Bounds): Breach[] {
  const endedAt = new Map<unknown, number>();
  for (const { operation, answer, facts } of requests) {
    if (operation !== 'logout' || answer?.outcome !== 'acknowledged') continue;
    endedAt.set(facts?.sessionId, answer.answeredAt);
  }
  return requests
    .filter((it) => it.mustBeRefused && it.answer?.outcome === 'acknowledged')
    .filter(({ operation, facts, sentAt }) => {
      const ended = endedAt.get(facts?.sessionId);
      const mayBeUnknown = operation === 'me' || operation === 'updateProfile';
      return !(mayBeUnknown && ended !== undefined && sentAt <= ended + revocation);
    })
    .map((request) => ({
      promise: 'a request that must be refused is refused',
      evidence: nameOf(request),
    }));
}

/**
 * A valid request was refused. This is allowed after the same request had an unknown outcome: it may have
 * taken effect and consumed the code or ended the session.
 */
function refusedWithoutReason(requests: readonly Recorded[]): Breach[] {
  const breaches: Breach[] = [];
  const open = new Set<string>();
  for (const request of requests) {
    if (request.mustBeRefused) continue;
    const key = `${request.person} ${request.operation} ${request.facts?.sessionId ?? ''}`;
    if (request.answer === undefined || request.answer.outcome === 'unknown') open.add(key);
    const isOnceOnly = request.operation === 'verifyEmail' || request.operation === 'logout';
    if (request.answer?.outcome !== 'refused' || (isOnceOnly && open.has(key))) continue;
    const { code = '', status = 0 } = request.answer;
    const evidence = `${nameOf(request)}: ${status} ${code}`;
    breaches.push({ promise: 'a valid request is not refused', evidence });
  }
  return breaches;
}

function nameOf({ id, operation, person, replica }: Recorded): string {
  return `request ${id}, ${operation} of ${person} at ${replica}`;
}
