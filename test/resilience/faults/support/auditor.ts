/**
 * Compares the journal of an experiment with what is left after it, and names every promise that was
 * broken. An empty answer means: whatever happened, nobody was told anything that is not so.
 */
import type { Aftermath } from './aftermath.ts';
import { brokenAnswers } from './audit-answers.ts';
import { brokenSessions } from './audit-sessions.ts';
import type { Journal, Recorded } from './recorder.ts';

export interface Bounds {
  /** Milliseconds after which every request has to be answered. */
  readonly deadline: number;
  /** Milliseconds after an acknowledged ending in which a replica cut off may not know of it. */
  readonly revocation: number;
}

export interface Breach {
  /** The promise, in a few words; the same for all its breaches. */
  readonly promise: string;
  /** What shows that it was broken. */
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

/** Whether it may have taken effect without anybody having been told. */
export function isUnknown({ answer }: Recorded): boolean {
  return answer === undefined || answer.outcome === 'unknown';
}

export function isAcknowledged({ answer }: Recorded): boolean {
  return answer?.outcome === 'acknowledged';
}

function byPerson(requests: readonly Recorded[]): Map<string, Recorded[]> {
  return Map.groupBy(requests, ({ person }) => person);
}

/** Accounts and profiles: acknowledged is there, refused is not. */
function brokenAccount(own: readonly Recorded[], { accounts }: Aftermath): Breach[] {
  const breaches: Breach[] = [];
  for (const request of own.filter(({ operation }) => operation === 'register')) {
    const email = String(request.facts?.email);
    if (isAcknowledged(request) && !accounts.has(email)) {
      breaches.push({ promise: 'an acknowledged registration is there', evidence: email });
    }
    if (request.mustBeRefused && accounts.has(email)) {
      breaches.push({ promise: 'a refused registration is not there', evidence: email });
    }
  }
  const email = own[0]?.person ?? '';
  const account = accounts.get(email);
  const isProved = own.some((it) => it.operation === 'verifyEmail' && isAcknowledged(it));
  if (isProved && account?.status !== 'ACTIVE') {
    const evidence = `${email} is ${account?.status ?? 'gone'}`;
    breaches.push({ promise: 'an acknowledged verification is there', evidence });
  }
  const names = possibleNames(own);
  if (account && names && !names.has(account.first_name)) {
    const evidence = `${email} is called ${account.first_name}, expected ${[...names].join(' or ')}`;
    breaches.push({ promise: 'the last acknowledged change of a profile is there', evidence });
  }
  return breaches;
}

/**
 * The name that was acknowledged last, or one of those tried later that ended unknown: a person asks
 * for one thing at a time. Nothing when no name was ever acknowledged.
 */
function possibleNames(own: readonly Recorded[]): Set<string> | undefined {
  const changes = own.filter(({ operation }) => operation === 'updateProfile');
  const last = changes.findLastIndex(isAcknowledged);
  if (last < 0) return undefined;
  const open = changes.slice(last).filter((it, index) => index === 0 || isUnknown(it));
  return new Set(open.map(({ facts }) => String(facts?.firstName)));
}

/** Whoever was promised a mail has it; nobody was mailed about what did not happen. */
function brokenMails(
  requests: readonly Recorded[],
  { mails, accounts, waitingJobs }: Aftermath,
): Breach[] {
  const breaches: Breach[] = [];
  if (waitingJobs > 0) {
    breaches.push({ promise: 'every recorded job is done', evidence: `${waitingJobs} wait` });
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
    breaches.push({ promise: 'no mail tells of what was undone', evidence: to });
  }
  return breaches;
}

/** Each registration mails its code, each change of a name a notice. */
function promisesMail({ operation, mustBeRefused }: Recorded): boolean {
  return !mustBeRefused && (operation === 'register' || operation === 'updateProfile');
}
