/** What the answers alone show: how they were given, and whether they were the right ones. */
import type { Bounds, Breach } from './auditor.ts';
import type { Recorded } from './recorder.ts';

export function brokenAnswers(requests: readonly Recorded[], bounds: Bounds): Breach[] {
  return [
    ...requests.flatMap((request) => brokenForm(request, bounds)),
    ...acceptedDeadTokens(requests, bounds),
    ...refusedWithoutReason(requests),
  ];
}

/** During a fault the answer is 503 with Retry-After or better, and it comes in time. */
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

/** A request that has to be refused was accepted, later than a replica may not know any better. */
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
      promise: 'what has to be refused is refused',
      evidence: nameOf(request),
    }));
}

/**
 * An honest request was refused. It may be when the same one ended unknown before, as it may have
 * taken effect then: a code is used up, a session is over.
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
    breaches.push({ promise: 'an honest request is not refused', evidence });
  }
  return breaches;
}

function nameOf({ id, operation, person, replica }: Recorded): string {
  return `request ${id}, ${operation} of ${person} at ${replica}`;
}
