/** The progress of an import on standard error: a line that is redrawn at a terminal, otherwise a line now and then. */
import { peopleText } from '../../../core/text.ts';
import type { ImportProgress } from '../../../features/user-import/request.ts';
import { isProgressVisible, printError, type Terminal } from '../../io.ts';

export interface ImportProgressDisplay extends Disposable {
  show(progress: ImportProgress): void;
}

const redrawIntervalMs = 200;
const lineIntervalMs = 10_000;

/** @param total the number of people in the file, if the reader knows it */
export function createImportProgress(
  terminal: Terminal,
  total: number | undefined,
): ImportProgressDisplay {
  const { stderr } = terminal;
  const isTerminal = isProgressVisible(stderr);
  const intervalMs = isTerminal ? redrawIntervalMs : lineIntervalMs;
  const startedAt = performance.now();
  let firstCount: number | undefined;
  let nextAt = startedAt + intervalMs;
  let isShown = false;
  return {
    show({ tally, resumedAt }) {
      const { read, refused } = tally.counts;
      firstCount ??= resumedAt === 0 ? 0 : read;
      if (performance.now() < nextAt) return;
      nextAt = performance.now() + intervalMs;
      const seconds = (performance.now() - startedAt) / 1000;
      const perSecond = (read - firstCount) / seconds;
      const text = progressText({ read, refused, total, perSecond });
      if (isTerminal) stderr.write(`\r\x1b[K${text}`);
      else printError(terminal, text);
      isShown = isTerminal;
    },
    [Symbol.dispose]() {
      if (isShown) stderr.write('\r\x1b[K');
    },
  };
}

function progressText(progress: {
  readonly read: number;
  readonly refused: number;
  readonly total: number | undefined;
  readonly perSecond: number;
}): string {
  const { read, refused, total, perSecond } = progress;
  const people = total === undefined ? peopleText(read) : `${read} of ${peopleText(total)}`;
  const left = total === undefined || perSecond === 0 ? undefined : (total - read) / perSecond;
  const time = left === undefined ? '' : `, ${formatSeconds(left)} left`;
  return `${people}, ${peopleText(Math.round(perSecond))} per second${time}, ${refused} refused`;
}

function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return whole < 100 ? `${whole} s` : `${Math.ceil(whole / 60)} min`;
}
