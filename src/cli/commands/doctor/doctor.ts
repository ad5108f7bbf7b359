/** `doctor`: looks at everything that has to be right, changes nothing, and says what to do. */
import type { CommandModule } from 'yargs';
import { type Config, ConfigError, readConfig } from '../../../config/config.ts';
import { printable, printableJson } from '../../../core/text.ts';
import type { GlobalArguments } from '../../context.ts';
import { printLine, type Terminal } from '../../io.ts';
import { colorize } from '../../table.ts';
import { type Finding, fail, type Judgement, ok } from './finding.ts';

export const doctorCommand: CommandModule<GlobalArguments, GlobalArguments> = {
  command: 'doctor',
  describe: 'Look at configuration, database, keys, clock, mail and proxy; changes nothing',
  builder: {},
  handler: async ({ json, terminal }) => {
    const findings = await examine(terminal);
    if (json) printLine(terminal, printableJson(JSON.stringify(findings)));
    else for (const finding of findings) printLine(terminal, lineOf(finding, terminal));
    if (findings.some(({ judgement }) => judgement === 'fail')) terminal.exitCode = 1;
  },
};

async function examine(terminal: Terminal): Promise<Finding[]> {
  let config: Config;
  try {
    config = readConfig(terminal.env, terminal.cwd());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map((fault) =>
      fail('configuration', fault, 'set it in the environment or in .env'),
    );
  }
  const [{ checkDatabase, checkDirectWay }, { checkMailServer }, { checkDirectory, checkProxy }] =
    await Promise.all([
      import('./database.ts'),
      import('./environment.ts'),
      import('./environment.ts'),
    ]);
  const surroundings = config.isProduction ? 'production' : 'development';
  const findings = await Promise.all([
    [ok('configuration', `complete, for ${surroundings}`)],
    checkDirectory(config),
    checkProxy(config),
    checkDatabase(config),
    checkDirectWay(config),
    checkMailServer(config),
  ]);
  return findings.flat();
}

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<
  Judgement,
  string
>;

function lineOf({ judgement, check, what, remedy }: Finding, terminal: Terminal): string {
  const start = `${colorize(colours[judgement], judgement.padEnd(4), terminal.stdout)}  ${check.padEnd(14)}  ${printable(what)}`;
  return remedy === undefined ? start : `${start}. Remedy: ${remedy}.`;
}
