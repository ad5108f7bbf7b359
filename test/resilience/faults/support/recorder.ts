/**
 * The journal of an experiment: every request is written before it is sent, and its response is written after it, as
 * JSON lines. The file survives the kill of any process. The journal is independent of the operations.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/**
 * `acknowledged`: 2xx. `refused`: 4xx; the request must have no effect. `unknown`: any other status, or no
 * response; the request may have taken effect.
 */
export type RequestOutcome = 'acknowledged' | 'refused' | 'unknown';

/** Values for the auditor; never a password. */
export type Facts = Readonly<Record<string, string | number | boolean>>;

export interface Attempt {
  /** The operation of the contract, such as `updateProfile`. */
  readonly operation: string;
  /** The email address of the user. */
  readonly person: string;
  /** Base address of the process that gets the request. */
  readonly replica: string;
  /** Whether the request must be refused, such as one with the token of an ended session. */
  readonly mustBeRefused?: boolean;
  readonly facts?: Facts;
}

export interface Answer {
  readonly outcome: RequestOutcome;
  /** Absent without a response. */
  readonly status?: number;
  /** Error code of the response or of the connection. */
  readonly code?: string;
  readonly hasRetryAfter?: boolean;
  readonly facts?: Facts;
}

/** Times are milliseconds since the epoch. */
export interface Recorded extends Attempt {
  readonly id: number;
  readonly sentAt: number;
  /** Absent when the recorder ended before the response. */
  readonly answer?: Answer & { readonly answeredAt: number };
}

/** An action of the experiment, such as killing a process. */
export interface JournalEvent {
  readonly name: string;
  readonly at: number;
  readonly facts?: Facts;
}

export interface Journal {
  readonly requests: readonly Recorded[];
  readonly events: readonly JournalEvent[];
}

export interface Recorder {
  /** Writes the attempt, calls `send` and writes the response. */
  attempt<Result extends Answer>(attempt: Attempt, send: () => Promise<Result>): Promise<Result>;
  note(name: string, facts?: Facts): void;
  close(): void;
}

type Line =
  | ({ readonly line: 'sent' } & Omit<Recorded, 'answer'>)
  | ({ readonly line: 'answered'; readonly id: number; readonly answeredAt: number } & Answer)
  | ({ readonly line: 'event' } & JournalEvent);

/** Starts a journal in a new file. */
export function createRecorder(file: string): Recorder {
  const descriptor = openSync(file, 'wx');
  let lastId = 0;
  const write = (line: Line) => void writeSync(descriptor, `${JSON.stringify(line)}\n`);
  return {
    async attempt(attempt, send) {
      lastId += 1;
      const id = lastId;
      write({ line: 'sent', id, sentAt: Date.now(), ...attempt });
      const result = await send();
      const { outcome, status, code, hasRetryAfter, facts } = result;
      const given = Object.entries({ status, code, hasRetryAfter, facts });
      const answer = Object.fromEntries(given.filter(([, value]) => value !== undefined));
      write({ line: 'answered', id, answeredAt: Date.now(), outcome, ...answer });
      return result;
    },
    note: (name, facts) =>
      write({ line: 'event', name, at: Date.now(), ...(facts ? { facts } : {}) }),
    close: () => closeSync(descriptor),
  };
}

/** Reads a journal; skips a last line that is incomplete. */
export function readJournal(file: string): Journal {
  const whole = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const lines = whole.map((text) => JSON.parse(text) as Line); // written above
  const requests = new Map<number, Recorded>();
  const events: JournalEvent[] = [];
  for (const { line, ...content } of lines) {
    if (line === 'event') events.push(content as JournalEvent);
    if (line === 'sent') requests.set((content as Recorded).id, content as Recorded);
    if (line === 'answered') {
      const { id, ...answer } = content as { id: number } & NonNullable<Recorded['answer']>;
      const sent = requests.get(id);
      if (sent) requests.set(id, { ...sent, answer });
    }
  }
  return { requests: [...requests.values()], events };
}
