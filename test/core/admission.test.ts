/** How many computations run at a time: as many as there are slots, and one while others need the time. */
import { performance } from 'node:perf_hooks';
import { afterEach, expect, test, vi } from 'vitest';
import { createEventLoopPressure } from '../../src/core/event-loop-pressure.ts';
import { createAdmission } from '../../src/core/password-hash/admission.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

test('one at a time while pressed, all slots again afterwards, and nobody is forgotten', async () => {
  let isPressed = false;
  const admission = createAdmission({ slots: 3, queueLimit: 100, isPressed: () => isPressed });
  const underWay: (() => void)[] = [];
  let done = 0;
  const begin = () =>
    admission
      .run(() => new Promise<void>((resolve) => underWay.push(resolve)), undefined)
      .then(() => {
        done += 1;
      });
  const works = Array.from({ length: 12 }, begin);
  const endOne = async () => {
    underWay.shift()?.();
    await soon();
  };
  await soon();
  expect(underWay).toHaveLength(3);
  isPressed = true;
  await endOne();
  await endOne();
  expect(underWay).toHaveLength(1);
  await endOne();
  expect(underWay).toHaveLength(1);
  isPressed = false;
  await endOne();
  expect(underWay).toHaveLength(3);
  while (underWay.length > 0) await endOne();
  await Promise.all(works);
  expect(done).toBe(12);
  expect(admission.waiting()).toBe(0);
  await admission.close();
});

test('the event loop is pressed when it has worked for nearly all of a quarter of a second', () => {
  const utilization = vi.spyOn(performance, 'eventLoopUtilization');
  const now = vi.spyOn(performance, 'now');
  const look = (share: number, at: number) => {
    utilization.mockReturnValue({ idle: 0, active: 0, utilization: share });
    now.mockReturnValue(at);
    return isPressed();
  };
  now.mockReturnValue(0);
  const isPressed = createEventLoopPressure();
  expect(look(0.95, 100)).toBe(false); // too early to tell
  expect(look(0.95, 300)).toBe(true);
  expect(look(0.1, 400)).toBe(true);
  expect(look(0.8, 600)).toBe(false);
});
