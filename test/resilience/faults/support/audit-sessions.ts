/** Checks that a refresh chain has at most one newest token, and that a session ends only by a logout. */
import type { Aftermath, SessionRow } from './aftermath.ts';
import { type Breach, isAcknowledged, isUnknown } from './auditor.ts';
import type { Recorded } from './recorder.ts';

export function brokenSessions(requests: readonly Recorded[], { sessions }: Aftermath): Breach[] {
  const issuing = requests.filter(
    (it) => isAcknowledged(it) && typeof it.answer?.facts?.sessionId === 'string',
  );
  const bySession = Map.groupBy(issuing, ({ answer }) => String(answer?.facts?.sessionId));
  const uses = Map.groupBy(requests, ({ facts }) => String(facts?.sessionId));
  return [
    ...[...bySession].flatMap(([id, issued]) =>
      brokenSession(id, { issued, uses: uses.get(id) ?? [], row: sessions.get(id) }),
    ),
    ...forkedChains(issuing),
  ];
}

interface Chain {
  /** Acknowledged logins and refreshes. */
  readonly issued: readonly Recorded[];
  /** Every request with a token of this session. */
  readonly uses: readonly Recorded[];
  readonly row: SessionRow | undefined;
}

function brokenSession(id: string, { issued, uses, row }: Chain): Breach[] {
  if (!row) return [{ promise: 'an acknowledged login exists', evidence: id }];
  const breaches: Breach[] = [];
  const newest = Math.max(...issued.map(({ answer }) => Number(answer?.facts?.counter)));
  const mayBeAhead = uses.some(
    (it) => it.operation === 'refreshTokens' && it.facts?.counter === newest && isUnknown(it),
  );
  const isCorrect =
    row.refresh_counter === newest || (mayBeAhead && row.refresh_counter === newest + 1);
  if (!isCorrect) {
    const evidence = `${id} has counter ${row.refresh_counter}, its newest token ${newest}`;
    breaches.push({ promise: 'a refresh chain ends at its newest token', evidence });
  }
  const endings = uses.filter((it) => it.operation === 'logout');
  if (endings.some(isAcknowledged) && row.end_reason !== 'logged-out') {
    const evidence = `${id}: ${row.end_reason ?? 'active'}`;
    breaches.push({ promise: 'an acknowledged logout exists', evidence });
  }
  const mayHaveEnded = endings.some((it) => isAcknowledged(it) || isUnknown(it));
  if (row.end_reason !== null && !mayHaveEnded) {
    const evidence = `${id}: ${row.end_reason}`;
    breaches.push({ promise: 'no session ends without a logout', evidence });
  }
  return breaches;
}

/** A token that is presented twice may be accepted twice, but with the same new token. */
function forkedChains(issuing: readonly Recorded[]): Breach[] {
  const positions = Map.groupBy(
    issuing,
    ({ answer }) => `${answer?.facts?.sessionId} at ${answer?.facts?.counter}`,
  );
  return [...positions]
    .filter(([, at]) => new Set(at.map(({ answer }) => answer?.facts?.leaf)).size > 1)
    .map(([position]) => ({ promise: 'a refresh chain has one newest token', evidence: position }));
}
