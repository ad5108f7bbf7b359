/** Attempts of this process whose outcome is not known yet, and those who wait for it in line. */
import { within } from '../core/within.ts';

export interface UnderWay {
  count(id: string): number;
  begin(id: string): void;
  end(id: string): void;
  /** Whether an attempt ends within so many milliseconds. */
  hasChanged(id: string, milliseconds: number): Promise<boolean>;
  /** How many stand in line. */
  waiting(id: string): number;
  /**
   * Runs `work` when it is the caller's turn. Who is refused is refused with all who stand behind:
   * they would hear the same.
   */
  inTurn<Refusal>(
    id: string,
    work: () => Promise<Refusal | undefined>,
  ): Promise<Refusal | undefined>;
}

interface Line {
  last: Promise<unknown>;
  length: number;
  verdict: unknown;
}

export function createUnderWay(): UnderWay {
  const counts = new Map<string, number>();
  const listeners = new Map<string, PromiseWithResolvers<void>>();
  const lines = new Map<string, Line>();

  const count: UnderWay['count'] = (id) => counts.get(id) ?? 0;

  return {
    count,
    begin(id) {
      counts.set(id, count(id) + 1);
    },
    end(id) {
      const left = count(id) - 1;
      if (left > 0) counts.set(id, left);
      else counts.delete(id);
      listeners.get(id)?.resolve();
      listeners.delete(id);
    },
    async hasChanged(id, milliseconds) {
      const listener = listeners.get(id) ?? Promise.withResolvers<void>();
      listeners.set(id, listener);
      const changed = listener.promise.then(() => true);
      return within(milliseconds, changed, false);
    },
    waiting: (id) => lines.get(id)?.length ?? 0,
    async inTurn<Refusal>(id: string, work: () => Promise<Refusal | undefined>) {
      const line = lines.get(id) ?? { last: Promise.resolve(), length: 0, verdict: undefined };
      lines.set(id, line);
      line.length += 1;
      const turn = line.last.then(async () => {
        const refusal = (line.verdict as Refusal | undefined) ?? (await work()); // of this line only
        line.verdict = refusal;
        return refusal;
      });
      line.last = turn.catch(() => undefined);
      try {
        return await turn;
      } finally {
        line.length -= 1;
        if (line.length === 0) lines.delete(id);
      }
    },
  };
}
