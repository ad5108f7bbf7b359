/** `schema`: prints the GraphQL schema. It needs neither configuration nor database. */
import type { CommandModule } from 'yargs';
import { schemaText } from '../../../core/package.ts';
import type { GlobalArguments } from '../../arguments.ts';
import { print } from '../../output.ts';

export const schemaCommand: CommandModule<GlobalArguments, GlobalArguments> = {
  command: 'schema',
  describe: 'Print the GraphQL schema, for clients and for the composition of a supergraph',
  handler: (args) => {
    const sdl = schemaText();
    print({ text: sdl.trimEnd(), json: { sdl } }, args);
  },
};
