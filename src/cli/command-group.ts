/** A group of commands, such as `users`. Called without one of them, it prints its help. */
import type { Argv, CommandModule } from 'yargs';
import type { GlobalArguments } from './context.ts';
import { printLine } from './io.ts';

export interface CommandGroup {
  readonly name: string;
  readonly describe: string;
  /** Adds the commands of the group. */
  readonly commands: (argv: Argv<GlobalArguments>) => Argv<GlobalArguments>;
}

export function commandGroup({
  name,
  describe,
  commands,
}: CommandGroup): CommandModule<GlobalArguments, GlobalArguments> {
  let group: Argv<GlobalArguments> | undefined;
  return {
    command: name,
    describe,
    builder: (argv) => {
      group = commands(argv);
      return group;
    },
    handler: async ({ terminal }) => printLine(terminal, (await group?.getHelp()) ?? ''),
  };
}
