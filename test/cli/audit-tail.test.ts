/** `audit tail`: `--follow` misses no entry, and tables show names instead of ids. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AppContext, createAppContext } from '../../src/bootstrap/app-context.ts';
import { operatorContext } from '../../src/cli/context.ts';
import { readConfig } from '../../src/config/config.ts';
import { createLog } from '../../src/observability/log.ts';
import { environmentOf, startCommand, type Variables } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goodPassword, newAddress } from '../support/people.ts';

let database: TestDatabase;
let environment: Variables;
let app: AppContext;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = environmentOf(database);
  const config = readConfig(environment, '/nowhere');
  app = await createAppContext({ config, log: createLog({ isReadable: false, level: 'silent' }) });
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

/** Runs `work` in one transaction. Its entries are visible after the commit. */
const transaction = (work: () => Promise<void>) =>
  app.unitOfWork.withEntityManager(() => app.unitOfWork.transaction(work));
const writeEntry = (action: string) => app.audit.log.append({ action });

const tail = async (...args: string[]) => {
  const result = await runCommand(['audit', 'tail', ...args], { environment });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  return result.stdout;
};
const tailJson = async (...args: string[]) =>
  (await tail('--json', ...args))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

test('--follow shows entries that commit late and out of order, and a burst of 500, each once', async () => {
  await transaction(() => writeEntry('before'));
  const follower = await startCommand(['audit', 'tail', '--follow', '--json'], { environment });
  await follower.waitFor(/"before"/);

  const [written, mayCommit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const late = transaction(async () => {
    await writeEntry('late');
    written.resolve();
    await mayCommit.promise;
  });
  await written.promise;
  await sleep(5); // ids are ordered by milliseconds
  await transaction(() => writeEntry('early'));
  await follower.waitFor(/"early"/);
  mayCommit.resolve();
  await late;
  await follower.waitFor(/"late"/);

  await transaction(async () => {
    for (let count = 0; count < 500; count += 1) await writeEntry(`burst-${count}`);
  });
  await follower.waitFor(/"burst-499"/);
  await sleep(1200); // two more polls
  const { code, stdout } = await follower.end('SIGINT');
  expect(code).toBe(0);
  const actions = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).action as string);
  const shown = actions.filter((action) => action.startsWith('burst-'));
  expect(shown).toHaveLength(500);
  expect(new Set(shown).size).toBe(500);
  expect(actions.filter((action) => /^(early|late)$/.test(action))).toEqual(['early', 'late']);
});

test('--follow ends when the reader closes the pipe', async () => {
  const follower = await startCommand(['audit', 'tail', '--follow', '--json'], {
    environment,
    wrapper: ['sh', '-c', '"$@" | head -1', 'sh'],
  });
  await follower.waitFor(/\{/);
  await transaction(() => writeEntry('after'));
  await sleep(700);
  await transaction(() => writeEntry('after'));
  expect(await follower.ended).toMatchObject({ code: 0, stderr: '' });
});

describe('filters', () => {
  const [ada, bob] = [newAddress(), newAddress()];
  const code = `shop.${ada.split('@')[0]}`;
  let begin: string;
  beforeAll(async () => {
    begin = new Date().toISOString();
    const create = ['createuser', '--active', '--noinput', '--password-stdin', '--email'];
    for (const email of [ada, bob]) {
      await runCommand([...create, email], { environment, input: goodPassword });
    }
    await runCommand(['permissions', 'create', code, '--name', 'Shop'], { environment });
    await runCommand(['users', 'grant', ada, '--permission', code], { environment });
    const [row] = await database.query<{ id: string }>('select id from users where email = $1', [
      bob,
    ]);
    await transaction(() => app.audit.log.append({ action: 'logged-in', actorId: row?.id ?? '' }));
  });

  test('by target, with its name beside its id in JSON', async () => {
    const entries = await tailJson('--target', ada);
    const [{ targetId } = { targetId: '' }] = entries;
    expect(entries.map(({ action }) => action)).toEqual(['user-created', 'user-updated']);
    for (const entry of entries) {
      expect(entry).toMatchObject({
        targetType: 'user',
        targetName: ada,
        actorKind: 'operator',
        actorName: null,
      });
    }
    expect(await tailJson('--target', targetId)).toEqual(entries);
    expect(await tailJson('--target', code)).toMatchObject([{ targetName: code }]);
  });

  test('by actor, a user or a kind of actor', async () => {
    expect(await tailJson('--actor', bob)).toMatchObject([{ action: 'logged-in', actorName: bob }]);
    const kinds = await tailJson('--actor', 'operator', '--since', begin);
    expect(kinds.length).toBeGreaterThan(3);
    for (const { actorKind } of kinds) expect(actorKind).toBe('operator');
  });

  test('by action and time', async () => {
    expect(await tailJson('--action', 'user-created', '--since', begin)).toHaveLength(2);
    expect(await tailJson('--until', begin, '--action', 'user-created')).toEqual([]);
  });

  test('unknown names and invalid times are refused', async () => {
    const run = (...args: string[]) => runCommand(['audit', 'tail', ...args], { environment });
    const [target, actor, time] = await Promise.all([
      run('--target', 'nobody'),
      run('--actor', 'nobody'),
      run('--since', '2026-02-30T00:00:00Z'),
    ]);
    expect(target).toMatchObject({ code: 1, stdout: '' });
    expect(actor).toMatchObject({ code: 1, stdout: '' });
    expect(target.stderr).toMatch(/^NOT_FOUND: /);
    expect(time).toMatchObject({ code: 2, stdout: '' });
    expect(time.stderr).toContain('--since');
  });

  test('tables have names and no ids; CSV has a header', async () => {
    const [table, csv] = await Promise.all([
      tail('--target', ada),
      tail('--target', ada, '--format', 'csv'),
    ]);
    expect(table).toMatch(/^TIME +ACTION +ACTOR +TARGET/);
    expect(table).toContain(`operator  user ${ada}`);
    expect(table).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
    expect(csv.split('\n')[0]).toBe('at,action,actor,target,code,ipAddress');
  });
});

test('the newest entries are the newest by time, oldest first', async () => {
  const { entries } = await app.unitOfWork.withEntityManager(() =>
    app.audit.entries.tail({ filter: {}, limit: 5 }, operatorContext()),
  );
  const rows = await database.query<{ id: string }>(
    'select id from audit_entries order by at desc, id desc limit 5',
  );
  expect(entries.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).reverse());
});
