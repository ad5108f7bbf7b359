/** All experiments, in the order in which they run. */
import type { Experiment } from '../support/experiment.ts';
import * as commands from './commands.ts';
import * as database from './database.ts';
import * as environment from './environment.ts';
import * as mail from './mail.ts';
import * as migrations from './migrations.ts';
import * as processes from './processes.ts';

export const experiments: readonly Experiment[] = [
  processes,
  database,
  mail,
  commands,
  migrations,
  environment,
].flatMap((file) => Object.values<Experiment>(file));
