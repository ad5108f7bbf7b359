/** `doctor`: checks the configuration and the environment of the server, and prints a remedy for each fault. */

import type { CommandModule } from 'yargs';
import { type Config, ConfigError, readConfig } from '../../../config/config.ts';
import { findMisspellings } from '../../../config/misspelled-variables.ts';
import { printable, printableJson } from '../../../core/text.ts';
import type { GlobalArguments } from '../../arguments.ts';
import { printLine, type Terminal } from '../../io.ts';
import { colorize } from '../../output.ts';
import { type Finding, fail, type Judgement, ok, warn } from './finding.ts';

export const doctorCommand: CommandModule<GlobalArguments, GlobalArguments> = {
  command: 'doctor',
  describe: 'Check configuration, database, keys, clock, mail and proxy; changes nothing',
  builder: {},
  handler: async ({ json, terminal }) => {
    const findings = [...checkNames(terminal), ...(await runChecks(terminal))];
    if (json) printLine(terminal, printableJson(JSON.stringify(findings)));
    else for (const finding of findings) printLine(terminal, formatFinding(finding, terminal));
    if (findings.some(({ judgement }) => judgement === 'fail')) terminal.exitCode = 1;
  },
};

function checkNames(terminal: Terminal): readonly Finding[] {
  return findMisspellings(terminal.env, terminal.cwd()).map(({ name, meant }) =>
    warn(
      'configuration',
      `${name} is not a variable of Gatehouse`,
      `rename it to ${meant}, if it is meant`,
    ),
  );
}

async function runChecks(terminal: Terminal): Promise<Finding[]> {
  let config: Config;
  try {
    config = readConfig(terminal.env, terminal.cwd());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map((fault) =>
      fail('configuration', fault, 'set it in the environment or in .env'),
    );
  }
  const [
    { checkDatabase, checkDirectConnection },
    { checkDirectory, checkMailServer, checkProxy },
  ] = await Promise.all([import('./database.ts'), import('./environment.ts')]);
  const mode = config.isProduction ? 'production' : 'development';
  const findings = await Promise.all([
    [ok('configuration', `complete, for ${mode}`)],
    checkDirectory(config),
    checkProxy(config),
    checkDatabase(config),
    checkDirectConnection(config),
    checkMailServer(config),
  ]);
  return findings.flat();
}

const colors = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<
  Judgement,
  string
>;

function formatFinding({ judgement, check, what, remedy }: Finding, terminal: Terminal): string {
  const start = `${colorize(colors[judgement], judgement.padEnd(4), terminal.stdout)}  ${check.padEnd(14)}  ${printable(what)}`;
  return remedy === undefined ? start : `${start}. Remedy: ${remedy}.`;
}
