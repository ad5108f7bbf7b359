/** The Node.js and npm of the machine, instead of those that npm puts first in the PATH of its scripts. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The PATH without directories of npm. */
const machinePath = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((directory) => !directory.includes('node_modules'))
  .join(delimiter);

/** The environment of a terminal: without the variables of npm, of vitest and of the service. */
export const machineEnvironment: Readonly<Record<string, string>> = {
  PATH: machinePath,
  HOME: process.env.HOME ?? '/',
  LANG: 'C.UTF-8',
};

/** Path of the Node.js of the machine, or undefined if it has none. */
export function findMachineNode(): string | undefined {
  return machinePath
    .split(delimiter)
    .map((directory) => join(directory, 'node'))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs npm in a directory, and returns what it prints. It uses its cache first. */
export function runNpm(directory: string, args: readonly string[]): string {
  return execFileSync('npm', [...args, '--prefer-offline', '--no-audit', '--no-fund'], {
    cwd: directory,
    env: machineEnvironment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
