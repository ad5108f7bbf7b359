/** A real shell with the command `gatehouse` in its path, for pipes, redirections and completion. */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Variables } from './command.ts';
import { makeScratchDirectory } from './scratch.ts';

const launcher = fileURLToPath(new URL('../../bin/gatehouse.js', import.meta.url));
const limitMilliseconds = 60_000;

export interface ShellResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script to its end. `${directory}/bin` of its directory holds the command. */
export async function runInShell(
  shell: 'bash' | 'zsh',
  script: string,
  { environment }: { readonly environment: Variables },
): Promise<ShellResult> {
  const directory = makeScratchDirectory('shell');
  const command = join(directory, 'gatehouse');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${launcher}' "$@"\n`);
  chmodSync(command, 0o755);
  const env = {
    ...environment,
    PATH: [directory, process.env.PATH ?? ''].join(delimiter),
    GATEHOUSE_DATA_DIR: join(directory, 'data'),
    HOME: directory,
    TERM: 'dumb',
  };
  const options = { cwd: directory, env, timeout: limitMilliseconds };
  const result = await new Promise<ShellResult>((resolve) => {
    execFile(shell, ['-c', script], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
  await rm(directory, { recursive: true, force: true });
  return result;
}

/** Whether the shell is installed. */
export function hasShell(shell: 'bash' | 'zsh'): boolean {
  return spawnSync(shell, ['-c', 'true']).status === 0;
}
