/** How much longer everything may take here: on a machine that others use too, `SLOWNESS=4`. */
export const slowness = Number(process.env.SLOWNESS ?? 1);
