/** Factors for slow machines. In tests, other tests and two more experiments share the processors. */
const isTest = process.env.VITEST !== undefined;

/** The factor for time limits. `SLOWNESS=4` suits a shared machine; tests use 10. */
export const slowness = Number(process.env.SLOWNESS ?? (isTest ? 10 : 1));

/** Simulated users of a scenario. */
export const userCount = isTest ? 2 : 6;
