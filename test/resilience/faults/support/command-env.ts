/** The environment of commands without a running server: a database, a mail server and variables. */
import { environmentOf, type Variables } from '../../../support/command.ts';
import { startMailServer } from '../../../support/mail-server.ts';
import { type Postgres, startPostgres } from '../../../support/postgres.ts';

export const password = 'a password for the time of trouble';

/** The address follows; the password is read from standard input. */
export const createSuperuserArgs = ['createsuperuser', '--noinput', '--password-stdin', '--email'];

export interface CommandEnv extends AsyncDisposable {
  readonly postgres: Postgres;
  readonly environment: Variables;
}

export async function openCommandEnv(): Promise<CommandEnv> {
  await using opening = new AsyncDisposableStack();
  const postgres = opening.use(await startPostgres());
  const mail = await startMailServer();
  opening.defer(() => mail.close());
  const admin = { DEFAULT_ADMIN_EMAIL: 'root@example.com', DEFAULT_ADMIN_PASSWORD: password };
  const environment = { ...environmentOf(postgres, mail), ...admin };
  const opened = opening.move();
  return { postgres, environment, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
