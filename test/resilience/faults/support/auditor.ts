/**
 * Compares the journal of an experiment with the database and the mails after it, and lists every broken
 * promise. An empty list means that every response was true.
 */
import type { Aftermath } from './aftermath.ts';
import { brokenAnswers } from './audit-answers.ts';
import { brokenSessions } from './audit-sessions.ts';
import type { Journal, Recorded } from './recorder.ts';

export interface Bounds {
  /** Milliseconds in which every request must get a response. */
  readonly deadline: number;
  /** Milliseconds after an acknowledged logout in which a replica may still accept the access token. */
  readonly revocation: number;
}

export interface Breach {
  /** The promise, in a few words; the same for all its breaches. */
  readonly promise: string;
  /** The data that shows the breach. */
  readonly evidence: string;
}

/** Every broken promise. */
export function audit(journal: Journal, aftermath: Aftermath, bounds: Bounds): Breach[] {
  const { requests } = journal;
  return [
    ...brokenAnswers(requests, bounds),
    ...brokenSessions(requests, aftermath),
    ...[...byPerson(requests).values()].flatMap((own) => brokenAccount(own, aftermath)),
    ...brokenMails(requests, aftermath),
  ];
}

/** Whether the request may have taken effect without an acknowledgement. */
export function isUnknown({ answer }: Recorded): boolean {
  return answer === undefined || answer.outcome === 'unknown';
}

export function isAcknowledged({ answer }: Recorded): boolean {
  return answer?.outcome === 'acknowledged';
}

function byPerson(requests: readonly Recorded[]): Map<string, Recorded[]> {
  return Map.groupBy(requests, ({ person }) => person);
}

/** Accounts and profiles: acknowledged changes exist, refused ones do not. */
function brokenAccount(own: readonly Recorded[], { accounts }: Aftermath): Breach[] {
  const breaches: Breach[] = [];
  for (const request of own.filter(({ operation }) => operation === 'register')) {
    const email = String(request.facts?.email);
    if (isAcknowledged(request) && !accounts.has(email)) {
      breaches.push({ promise: 'an acknowledged registration exists', evidence: email });
    }
    if (request.mustBeRefused && accounts.has(email)) {
      breaches.push({ promise: 'a refused registration does not exist', evidence: email });
    }
  }
  const email = own[0]?.person ?? '';
  const account = accounts.get(email);
  const isVerified = own.some((it) => it.operation === 'verifyEmail' && isAcknowledged(it));
  if (isVerified && account?.status !== 'ACTIVE') {
    const evidence = `${email} is ${account?.status ?? 'missing'}`;
    breaches.push({ promise: 'an acknowledged verification exists', evidence });
  }
  const names = possibleNames(own);
  if (account && names && !names.has(account.first_name)) {
    const evidence = `${email} is called ${account.first_name}, expected ${[...names].join(' or ')}`;
    breaches.push({ promise: 'the last acknowledged change of a profile exists', evidence });
  }
  return breaches;
}

/**
 * The last acknowledged name, and the later names with an unknown outcome; a user sends one request at a
 * time. Undefined when no name was acknowledged.
 */
function possibleNames(own: readonly Recorded[]): Set<string> | undefined {
  const changes = own.filter(({ operation }) => operation === 'updateProfile');
  const last = changes.findLastIndex(isAcknowledged);
  if (last < 0) return undefined;
  const open = changes.slice(last).filter((it, index) => index === 0 || isUnknown(it));
  return new Set(open.map(({ facts }) => String(facts?.firstName)));
}

/** Every promised mail was received, and no mail is about an account that does not exist. */
function brokenMails(
  requests: readonly Recorded[],
  { mails, accounts, waitingJobs }: Aftermath,
): Breach[] {
  const breaches: Breach[] = [];
  if (waitingJobs > 0) {
    breaches.push({ promise: 'every queued job is done', evidence: `${waitingJobs} wait` });
  }
  const distinct = new Map(mails.map((mail) => [`${mail.messageId} ${mail.to}`, mail]));
  const countOf = new Map<string, number>();
  for (const { to } of distinct.values()) countOf.set(to, (countOf.get(to) ?? 0) + 1);
  for (const [email, own] of byPerson(requests)) {
    const promised = own.filter(promisesMail).filter(isAcknowledged).length;
    const received = countOf.get(email) ?? 0;
    if (received >= promised) continue;
    const evidence = `${email} has ${received} of ${promised}`;
    breaches.push({ promise: 'every promised mail arrives', evidence });
  }
  for (const to of countOf.keys()) {
    if (accounts.has(to)) continue;
    breaches.push({ promise: 'no mail is about a change that was rolled back', evidence: to });
  }
  return breaches;
}

/** Each registration mails its code, each change of a name a notice. */
function promisesMail({ operation, mustBeRefused }: Recorded): boolean {
  return !mustBeRefused && (operation === 'register' || operation === 'updateProfile');
}
