/** How much longer everything may take here: on a machine that others use too, `SLOWNESS=4`; tests never have it alone. */
export const slowness = Number(process.env.SLOWNESS ?? (process.env.VITEST ? 10 : 1));
