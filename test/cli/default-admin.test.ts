/** The first superuser from the environment. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { goodPassword } from '../support/people.ts';

const email = 'root@example.com';
const admin = { DEFAULT_ADMIN_EMAIL: email, DEFAULT_ADMIN_PASSWORD: goodPassword };

let mail: MailServer;
beforeAll(async () => {
  mail = await startMailServer();
});
afterAll(() => mail.close());

const superusers = (database: TestDatabase) =>
  database.query(
    `select email, status, name as group from users
     join user_groups on user_id = users.id join groups on group_id = groups.id where is_superuser`,
  );

const theOne = { email, status: 'ACTIVE', group: 'Root' };

/** Runs a test on its own database, because a database has a first superuser only once. */
async function withDatabase(work: (database: TestDatabase) => Promise<void>): Promise<void> {
  const database = await createTestDatabase();
  try {
    await work(database);
  } finally {
    await database.drop();
  }
}

test.concurrent('four concurrent calls, and a later one with another address, create one superuser', () =>
  withDatabase(async (database) => {
    const environment = { ...environmentOf(database, mail), ...admin };
    const results = await Promise.all(
      Array.from({ length: 4 }, () => runCommand(['initdefaultadmin', '--json'], { environment })),
    );
    for (const { code, stderr } of results)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const answers = results.map(({ stdout }) => JSON.parse(stdout));
    expect(answers.filter(({ isMade }) => isMade)).toEqual([{ isMade: true, email }]);
    expect(answers.filter(({ isMade }) => !isMade)).toHaveLength(3);

    const later = await runCommand(['initdefaultadmin'], {
      environment: { ...environment, DEFAULT_ADMIN_EMAIL: 'second@example.com' },
    });
    expect(later).toMatchObject({ code: 0, stderr: '' });
    expect(later.stdout).toMatch(/superuser already/);
    expect(await superusers(database)).toEqual([theOne]);
    expect((await mail.waitFor(email))[0]?.subject).toMatch(/administrator rights/);
  }));

test.concurrent('a weak password is refused and not repeated', () =>
  withDatabase(async (database) => {
    const password = 'password123';
    const refused = await runCommand(['initdefaultadmin'], {
      environment: { ...environmentOf(database), ...admin, DEFAULT_ADMIN_PASSWORD: password },
    });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^VALIDATION_FAILED: .*\n {2}.*password.*: \w/i);
    expect(refused.stderr).not.toContain(password);
    expect(await superusers(database)).toEqual([]);
  }));

test.concurrent('without its variables the command is wrong usage, and the message names them', () =>
  withDatabase(async (database) => {
    const environment = environmentOf(database);
    const { code, stdout, stderr } = await runCommand(['initdefaultadmin'], { environment });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    for (const name of Object.keys(admin)) expect(stderr).toContain(name);
  }));
