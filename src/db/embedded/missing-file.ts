/** For files that need not be there. */

/** Turns "there is no such file" into `undefined`, and throws what is wrong otherwise: `readFile(path).catch(undefinedIfMissing)`. */
export function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
