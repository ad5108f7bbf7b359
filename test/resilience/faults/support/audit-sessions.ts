/** Sessions and their refresh chains: never two live leaves, never none without an ending. */
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
  if (!row) return [{ promise: 'an acknowledged login is there', evidence: id }];
  const breaches: Breach[] = [];
  const newest = Math.max(...issued.map(({ answer }) => Number(answer?.facts?.counter)));
  const mayBeAhead = uses.some(
    (it) => it.operation === 'refreshTokens' && it.facts?.counter === newest && isUnknown(it),
  );
  const isInPlace =
    row.refresh_counter === newest || (mayBeAhead && row.refresh_counter === newest + 1);
  if (!isInPlace) {
    const evidence = `${id} stands at ${row.refresh_counter}, its newest leaf at ${newest}`;
    breaches.push({ promise: 'a refresh chain stands at its newest leaf', evidence });
  }
  const endings = uses.filter((it) => it.operation === 'logout');
  if (endings.some(isAcknowledged) && row.end_reason !== 'logged-out') {
    const evidence = `${id}: ${row.end_reason ?? 'lives'}`;
    breaches.push({ promise: 'an acknowledged logout is there', evidence });
  }
  const mayHaveEnded = endings.some((it) => isAcknowledged(it) || isUnknown(it));
  if (row.end_reason !== null && !mayHaveEnded) {
    const evidence = `${id}: ${row.end_reason}`;
    breaches.push({ promise: 'no session ends without having been ended', evidence });
  }
  return breaches;
}

/** One token, presented twice, may be answered twice, but with the same leaf. */
function forkedChains(issuing: readonly Recorded[]): Breach[] {
  const places = Map.groupBy(
    issuing,
    ({ answer }) => `${answer?.facts?.sessionId} at ${answer?.facts?.counter}`,
  );
  return [...places]
    .filter(([, at]) => new Set(at.map(({ answer }) => answer?.facts?.leaf)).size > 1)
    .map(([place]) => ({ promise: 'a refresh chain has one leaf', evidence: place }));
}
