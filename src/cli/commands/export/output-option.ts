/** The option `--output` of the exports. */
export const outputOption = {
  type: 'string',
  requiresArg: true,
  describe: 'New file to write, which only its owner can read; the default is standard output',
} as const;
