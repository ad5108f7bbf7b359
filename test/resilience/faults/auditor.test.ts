/** The auditor finds no breach in a correct journal, and finds each kind of breach. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';
import { type Aftermath, readAftermath } from './support/aftermath.ts';
import { audit } from './support/auditor.ts';
import { gapsAfter, median } from './support/gaps.ts';
import { createRecorder, type Journal, type Recorded, readJournal } from './support/recorder.ts';
import { startWorkload } from './support/workload.ts';

const bounds = { deadline: 20_000, revocation: 3000 };
const people = 3;

let service: TestService;
let directory: string;
let journal: Journal;
let aftermath: Aftermath;

beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
  directory = makeScratchDirectory('journal');
  const file = join(directory, 'journal.jsonl');
  const recorder = createRecorder(file);
  const workload = startWorkload({
    replicas: [service.address],
    recorder,
    mail: service.mail,
    people,
    pauseMilliseconds: 1,
  });
  recorder.note('fault');
  const endings = () =>
    readJournal(file).requests.filter(({ operation, answer }) => operation === 'logout' && answer);
  await until(() => endings().length >= people, 25_000);
  await workload.stop();
  recorder.close();
  await quiet(service);
  journal = readJournal(file);
  aftermath = await readAftermath(service.database.query, service.mail.mails);
});

afterAll(async () => {
  await service.close();
  await rm(directory, { recursive: true, force: true });
});

test('a service without faults has no breach', () => {
  expect(audit(journal, aftermath, bounds)).toEqual([]);
  const operations = new Set(journal.requests.map(({ operation }) => operation));
  expect([...operations].sort()).toEqual([
    'login',
    'logout',
    'me',
    'refreshTokens',
    'register',
    'updateProfile',
    'verifyEmail',
  ]);
});

test('the gap of a fault is the longest time without an acknowledged write', () => {
  const [gap, ...others] = gapsAfter('fault', journal);
  expect(others).toEqual([]);
  expect(gap?.seconds).toBeGreaterThan(0);
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});

/** Promises that are broken when fields of the aftermath are replaced. */
const promisesBroken = (changed: Partial<Aftermath>, by: Journal = journal) => [
  ...new Set(audit(by, { ...aftermath, ...changed }, bounds).map(({ promise }) => promise)),
];

/** Promises that are broken when the first matching request is replaced in the journal. */
function withRequest(
  matches: (request: Recorded) => boolean,
  change: (request: Recorded) => Partial<Recorded>,
): string[] {
  const index = journal.requests.findIndex(matches);
  const requests = journal.requests.map((it, i) => (i === index ? { ...it, ...change(it) } : it));
  expect(index).toBeGreaterThanOrEqual(0);
  return promisesBroken({}, { ...journal, requests });
}

const answeredWith =
  (answer: Partial<NonNullable<Recorded['answer']>>) =>
  (request: Recorded): Partial<Recorded> => ({
    answer: { outcome: 'unknown', answeredAt: request.sentAt, ...request.answer, ...answer },
  });

const withRows = <Row>(rows: ReadonlyMap<string, Row>, change: Partial<Row>) =>
  new Map([...rows].map(([key, row]) => [key, { ...row, ...change }]));

test('lost acknowledged changes are breaches', () => {
  expect(promisesBroken({ accounts: new Map() })).toEqual(
    expect.arrayContaining([
      'an acknowledged registration exists',
      'an acknowledged verification exists',
      'no mail is about a change that was rolled back',
    ]),
  );
  const { accounts, sessions } = aftermath;
  expect(promisesBroken({ accounts: withRows(accounts, { status: 'PENDING' }) })).toEqual([
    'an acknowledged verification exists',
  ]);
  expect(promisesBroken({ accounts: withRows(accounts, { first_name: 'Ada' }) })).toEqual([
    'the last acknowledged change of a profile exists',
  ]);
  expect(promisesBroken({ sessions: new Map() })).toEqual(['an acknowledged login exists']);
  expect(promisesBroken({ sessions: withRows(sessions, { end_reason: null }) })).toEqual([
    'an acknowledged logout exists',
  ]);
  expect(promisesBroken({ mails: [] })).toEqual(['every promised mail arrives']);
  expect(promisesBroken({ waitingJobs: 1 })).toEqual(['every queued job is done']);
});

test('a refused registration that exists is a breach', () => {
  const refused = journal.requests.find((it) => it.mustBeRefused && it.operation === 'register');
  const email = String(refused?.facts?.email);
  const refusedAccount = { email, status: 'PENDING', first_name: 'Ada' };
  expect(
    promisesBroken({ accounts: new Map([...aftermath.accounts, [email, refusedAccount]]) }),
  ).toEqual(['a refused registration does not exist']);
});

test('refresh chains with a wrong counter, a fork or an unrequested end are breaches', () => {
  const { sessions } = aftermath;
  expect(promisesBroken({ sessions: withRows(sessions, { refresh_counter: 99 }) })).toEqual([
    'a refresh chain ends at its newest token',
  ]);
  expect(
    promisesBroken({ sessions: withRows(sessions, { end_reason: 'refresh-token-reused' }) }),
  ).toContain('an acknowledged logout exists');
  const isRotation = (it: Recorded) => it.operation === 'refreshTokens' && !it.mustBeRefused;
  const rotation = journal.requests.find(isRotation);
  const other = { ...rotation?.answer?.facts, leaf: 'another' };
  const forked = { ...rotation, answer: { ...rotation?.answer, facts: other } } as Recorded;
  expect(promisesBroken({}, { ...journal, requests: [...journal.requests, forked] })).toEqual([
    'a refresh chain has one newest token',
  ]);
  const isLogout = (it: Recorded) => it.operation === 'logout';
  const kept = journal.requests.filter((it) => !isLogout(it));
  expect(promisesBroken({}, { ...journal, requests: kept })).toContain(
    'no session ends without a logout',
  );
});

test('wrong responses are breaches', () => {
  const isValid = (it: Recorded) => it.operation === 'updateProfile' && !it.mustBeRefused;
  expect(withRequest(isValid, answeredWith({ status: 500 }))).toEqual([
    'a fault is answered with 503 and Retry-After',
  ]);
  expect(withRequest(isValid, answeredWith({ outcome: 'refused', status: 401 }))).toContain(
    'a valid request is not refused',
  );
  expect(
    withRequest(isValid, (it) => answeredWith({ answeredAt: it.sentAt + bounds.deadline + 1 })(it)),
  ).toEqual(['every request is answered within the deadline']);
  const late = Date.now() + 60_000;
  for (const operation of ['me', 'refreshTokens', 'login']) {
    const isDead = (it: Recorded) => it.operation === operation && it.mustBeRefused === true;
    const accepted = withRequest(isDead, (it) => ({
      sentAt: late,
      ...answeredWith({ outcome: 'acknowledged', status: 200, answeredAt: late })(it),
    }));
    expect(accepted).toEqual(['a request that must be refused is refused']);
  }
});
