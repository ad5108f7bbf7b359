/** `serve`: starts the service and says where it is, until a signal ends it. */
import cluster from 'node:cluster';
import type { CommandModule } from 'yargs';
import { type House, openHouse, serve } from '../app.ts';
import { type Config, readConfig } from '../core/config.ts';
import { createLog, type Log } from '../core/log.ts';
import { superviseWorkers } from './workers.ts';

export const serveCommand: CommandModule = {
  command: 'serve',
  describe: 'Start the service',
  builder: {},
  handler: async () => {
    const config = readConfig();
    const log = createLog({ isReadable: config.debug, level: config.logLevel });
    if (config.workers > 1 && cluster.isPrimary) await superviseWorkers(config.workers, log);
    else await run(config, log);
  },
};

async function run(config: Config, log: Log): Promise<void> {
  const stopped = signalled();
  const house = await openHouse({ config, log });
  const service = await serve(house).catch(async (error) => {
    await house.close();
    throw error;
  });
  const isFirst = cluster.isPrimary || cluster.worker?.id === 1;
  if (isFirst && config.debug) console.log(await welcome(house));
  const signal = await stopped;
  log.info({ signal }, 'stopping');
  await service.close();
}

/** Waits for the first request to stop; a second one is obeyed by the system at once. */
function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve);
  });
}

async function welcome({ config, unitOfWork }: House): Promise<string> {
  const { publicUrl, restPrefix } = config;
  const rows = await unitOfWork.query('select 1 from users where is_superuser limit 1');
  const lines = [
    ['GraphQL', `${publicUrl}/graphql`],
    ['REST', `${publicUrl}${restPrefix}/`],
    ['Docs', `${publicUrl}/docs`],
    ...(config.mail.kind === 'mailbox' ? [['Mailbox', `${publicUrl}/dev/mailbox`]] : []),
    ...(rows.length === 0 ? [['First administrator', 'npx gatehouse createsuperuser']] : []),
  ];
  return [
    '',
    'Gatehouse is running.',
    ...lines.map(([name, value]) => `  ${name}: ${value}`),
    '',
  ].join('\n');
}
