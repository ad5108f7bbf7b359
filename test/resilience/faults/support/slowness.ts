/** What a run has to itself: tests have other tests, and two more experiments, beside them. */
const isTest = process.env.VITEST !== undefined;

/** How much longer everything may take here: on a machine that others use too, `SLOWNESS=4`; tests never have it alone. */
export const slowness = Number(process.env.SLOWNESS ?? (isTest ? 10 : 1));

/** People on a stage. */
export const crowd = isTest ? 2 : 6;
