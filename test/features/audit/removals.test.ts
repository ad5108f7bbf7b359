/** Attacks on the audit log with all rights on the database but without SECRET_KEY: verification finds each. */
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { operatorContext } from '../../../src/cli/context.ts';
import type { Checkpoint } from '../../../src/features/audit/verification.ts';
import { goodPassword, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { rowOf } from '../../support/user-rows.ts';

/** The number of entries of each chain after the first one, which the migration wrote. */
const entriesPerChain = 5;
const tables = ['audit_entries', 'audit_chains', 'audit_subject_keys'];

let service: TestService;
let locker: Client;
let checkpoint: Checkpoint | undefined;
/** The chain under attack. */
let chain: number;
const end = 1 + entriesPerChain;
beforeAll(async () => {
  service = await startService();
  locker = new Client({ connectionString: service.database.url });
  await locker.connect();
  await write(entriesPerChain);
  ({ checkpoint } = await inContext(() => service.app.audit.verifier.checkpoint()));
  await service.database.query('alter table audit_entries disable trigger all');
  for (const table of tables) await run(`create table original_${table} as select * from ${table}`);
});
afterAll(async () => {
  await locker.end();
  await service.close();
});

const restore = `
  drop table if exists saved;
  ${tables.map((table) => `delete from ${table};`).join(' ')}
  alter table audit_entries alter chain set not null, alter sequence set not null,
    drop constraint if exists audit_entries_place_unique;
  alter table audit_entries add constraint audit_entries_place_unique unique (chain, sequence);
  ${tables.map((table) => `insert into ${table} select * from original_${table};`).join(' ')}`;

/** Restores the audit log before each test. */
beforeEach(async () => {
  chain = 1 + Math.floor(Math.random() * 16);
  await locker.query(restore);
  expect(Number((await endOf(chain))?.sequence)).toBe(end);
  service.logLines.length = 0;
});

const inContext = <Result>(work: () => Promise<Result>) =>
  service.app.unitOfWork.withEntityManager(work);

const appendEntries = async (count: number) => {
  for (let round = 0; round < count; round += 1) {
    await service.app.audit.log.append({ action: `entry-${round}` });
  }
};

/** Appends `count` entries to each existing chain, with locks on all other chains. */
async function write(count: number): Promise<void> {
  const free = 'select chain from audit_chains where chain between 1 and 16 order by chain';
  for (const { chain: only } of (await locker.query<{ chain: number }>(free)).rows) {
    await locker.query('begin');
    await locker.query('select from audit_chains where chain <> $1 for update', [only]);
    await inContext(() => service.app.unitOfWork.transaction(() => appendEntries(count)));
    await locker.query('commit');
  }
}

async function faults(against?: Checkpoint): Promise<string[]> {
  const verification = await inContext(() => service.app.audit.verifier.verify(against));
  return verification.faults.map((fault) => `${fault.kind} ${fault.chain} ${fault.sequence}`);
}

async function run(...statements: string[]): Promise<void> {
  for (const statement of statements) await service.database.query(statement);
}

interface Attack {
  readonly name: string;
  readonly statements: () => readonly string[];
  /** The faults without a checkpoint and with one. */
  readonly found: () => RegExp;
}

const reset = "set sequence = 0, mac = '', head_mac = ''";
const attacks: readonly Attack[] = [
  {
    name: 'a chain and its end',
    statements: () => [
      `delete from audit_entries where chain = ${chain}`,
      `delete from audit_chains where chain = ${chain}`,
    ],
    found: () => new RegExp(`^NO_CHAIN ${chain} 1$`),
  },
  {
    name: 'all chains and entries',
    statements: () => ['delete from audit_entries', 'delete from audit_chains'],
    found: () => /^NO_CHAIN 16 1$/,
  },
  {
    name: 'the entries of a chain, with its end set back to the beginning',
    statements: () => [
      `delete from audit_entries where chain = ${chain}`,
      `update audit_chains ${reset} where chain = ${chain}`,
    ],
    found: () => new RegExp(`^NO_START ${chain} 1$`),
  },
  {
    name: 'all entries, with every end set back to the beginning',
    statements: () => ['delete from audit_entries', `update audit_chains ${reset}`],
    found: () => /^NO_START 16 1$/,
  },
  {
    name: 'the end of a chain, which keeps its entries',
    statements: () => [`delete from audit_chains where chain = ${chain}`],
    found: () => new RegExp(`^NO_CHAIN ${chain} ${end + 1}$`),
  },
  {
    name: 'an entry in the middle',
    statements: () => [`delete from audit_entries where chain = ${chain} and sequence = 3`],
    found: () => new RegExp(`^MISSING ${chain} 3$`),
  },
  {
    name: 'the first entry',
    statements: () => [`delete from audit_entries where chain = ${chain} and sequence = 1`],
    found: () => new RegExp(`^NO_START ${chain} 1$`),
  },
  {
    name: 'the last entry',
    statements: () => [`delete from audit_entries where chain = ${chain} and sequence = ${end}`],
    found: () => new RegExp(`^CUT_OFF ${chain} ${end}$`),
  },
  {
    name: 'the last entry, with the end set back to the one before it',
    statements: () => [
      `delete from audit_entries where chain = ${chain} and sequence = ${end}`,
      `update audit_chains set sequence = e.sequence, mac = e.mac from audit_entries e
       where e.chain = ${chain} and e.sequence = ${end - 1} and audit_chains.chain = ${chain}`,
    ],
    found: () => new RegExp(`^CUT_OFF ${chain} ${end}$`),
  },
  {
    name: 'all but the first entry, with the end set back to it',
    statements: () => [
      `delete from audit_entries where chain = ${chain} and sequence > 1`,
      `update audit_chains set sequence = 1, mac = e.mac from audit_entries e
       where e.chain = ${chain} and e.sequence = 1 and audit_chains.chain = ${chain}`,
    ],
    found: () => new RegExp(`^CUT_OFF ${chain} 2$`),
  },
  {
    name: 'a chain, put back under the number of another',
    statements: () => [
      `delete from audit_entries where chain = ${chain}`,
      `update audit_chains set (sequence, mac, head_mac) = (
         select sequence, mac, head_mac from audit_chains o where o.chain = ${other()}
       ) where chain = ${chain}`,
      `insert into audit_entries (id, chain, sequence, at, action, outcome, code, actor_kind, actor_id,
         target_type, target_id, request_id, subject_id, details, client, previous_mac, mac)
       select gen_random_uuid(), ${chain}, sequence, at, action, outcome, code, actor_kind, actor_id,
         target_type, target_id, request_id, subject_id, details, client, previous_mac, mac
       from audit_entries where chain = ${other()}`,
    ],
    found: () => new RegExp(`^NO_START ${chain} 1$`),
  },
];
const other = () => (chain % 16) + 1;

describe('J09: a removal from the audit log is found with a checkpoint and without', () => {
  test.each(attacks)('$name', async ({ statements, found }) => {
    expect([await faults(), await faults(checkpoint)]).toEqual([[], []]);
    await run(...statements());
    expect(await faults()).toContainEqual(expect.stringMatching(found()));
    expect(await faults(checkpoint)).toContainEqual(expect.stringMatching(found()));
  });

  test.each(attacks.filter(({ name }) => !name.startsWith('all chains')))(
    '$name, also when entries were written since',
    async ({ statements }) => {
      await run(...statements());
      await write(2);
      const now = await faults();
      expect(now.length).toBeGreaterThan(0);
      await write(2);
      expect(await faults()).toEqual(now);
      expect((await faults(checkpoint)).length).toBeGreaterThan(0);
    },
  );
});

test('J09: an older end of a chain is found with a later checkpoint', async () => {
  const [earlier] = await service.database.query<{
    head_mac: Buffer;
    mac: Buffer;
    sequence: string;
  }>(`select * from audit_chains where chain = ${chain}`);
  await write(2);
  const later = await inContext(() => service.app.audit.verifier.checkpoint());
  await run(`delete from audit_entries where chain = ${chain} and sequence > ${end}`);
  await service.database.query(
    `update audit_chains set sequence = $1, mac = $2, head_mac = $3 where chain = ${chain}`,
    [earlier?.sequence, earlier?.mac, earlier?.head_mac],
  );
  expect(await faults(checkpoint)).toEqual([]);
  expect(await faults(later.checkpoint)).toEqual([`CUT_OFF ${chain} ${end + 1}`]);
});

const endOf = async (of: number) =>
  (
    await service.database.query<{ sequence: string }>(
      `select * from audit_chains where chain = ${of}`,
    )
  )[0];

test('J09: an invalid chain and invalid positions are found', async () => {
  const copy = (to: string) => `
    insert into audit_entries (id, chain, sequence, at, action, outcome, actor_kind, subject_id,
      details, previous_mac, mac)
    select gen_random_uuid(), ${to}, now(), 'made-up', 'done', 'system', subject_id, details,
      previous_mac, mac from audit_entries where chain = ${chain} and sequence = 1`;
  await run(copy('17, 1'), copy(`${chain}, 0`), copy('-3, 5'));
  await run("insert into audit_chains values (20, 0, '', '')");
  expect((await faults()).sort()).toEqual(
    ['UNKNOWN_CHAIN -3 5', 'UNKNOWN_CHAIN 17 1', 'UNKNOWN_CHAIN 20 0', `EDITED ${chain} 0`].sort(),
  );
  await write(2);
  expect(Number((await endOf(20))?.sequence)).toBe(0);
});

test('J09: an entry that was edited is found, its sealed parts included', async () => {
  const isEntry = `where chain = ${chain} and sequence = 2`;
  for (const change of ["action = 'innocent'", 'client = null', "client = 'x'", "details = 'x'"]) {
    await run('create table saved as select * from audit_entries');
    await run(`update audit_entries set ${change} ${isEntry}`);
    expect([change, await faults()]).toEqual([change, [`EDITED ${chain} 2`]]);
    await run('delete from audit_entries', 'insert into audit_entries select * from saved');
    await run('drop table saved');
  }
  await run(`update audit_entries set sequence = 1000 where chain = ${chain} and sequence = 2`);
  expect(await faults()).toEqual([
    `MISSING ${chain} 2`,
    `MISSING ${chain} ${end + 1}`,
    `EDITED ${chain} 1000`,
    `CUT_OFF ${chain} 1001`,
  ]);
});

test('J09: a checkpoint that was changed is rejected', async () => {
  if (!checkpoint) throw new Error('no checkpoint');
  await expect(faults({ ...checkpoint, at: '2020-01-01T00:00:00.000Z' })).rejects.toThrow(
    'checkpoint',
  );
  await expect(faults({ ...checkpoint, chains: [] })).rejects.toThrow('checkpoint');
});

test('J09: a manipulated end is logged when the next entry is appended', async () => {
  await run(`update audit_chains ${reset} where chain = ${chain}`);
  await write(2);
  const lines = service.logLines.filter((line) => line.includes('not signed with SECRET_KEY'));
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 50, chain }]);
  expect(await faults()).toEqual([`CUT_OFF ${chain} ${end + 1}`]);
});

test('J09: forged entries without a position, or at a taken position, are found', async () => {
  const copy = (to: string) => `
    insert into audit_entries (id, chain, sequence, at, action, outcome, actor_kind, subject_id,
      details, previous_mac, mac)
    select gen_random_uuid(), ${to}, now(), 'made-up', 'done', 'system', subject_id, details,
      previous_mac, mac from audit_entries where chain = ${chain} and sequence = 1`;
  await run('alter table audit_entries drop constraint audit_entries_place_unique');
  await run('alter table audit_entries alter chain drop not null, alter sequence drop not null');
  await run(copy('null, 1'), copy(`${other()}, null`));
  expect((await faults()).sort()).toEqual([`EDITED ${other()} 0`, 'UNKNOWN_CHAIN 0 1'].sort());
  await run('delete from audit_entries where chain is null or sequence is null');
  // One transaction writes to one chain, here more entries than one query of the verification reads.
  await inContext(() => service.app.unitOfWork.transaction(() => appendEntries(1001)));
  const [long] = await service.database.query<{ chain: number }>(
    'select chain from audit_entries where sequence = 1000',
  );
  await run(copy(`${long?.chain}, 1000`));
  expect(await faults()).toContain(`EDITED ${long?.chain} 1000`);
});

describe('J09: keys of subjects', () => {
  const details = () => faults().then((all) => new Set(all.map((fault) => fault.split(' ')[0])));

  test('that were removed or replaced are found, and the audit log can still be read', async () => {
    const { userId } = await somebody(service);
    await service.graphql('mutation ($i: LoginInput!) { login(input: $i) { __typename } }', {
      i: { email: (await rowOf(service, userId))?.email, password: 'a wrong one' },
    });
    await run('create table saved as select * from audit_subject_keys');
    await run(`delete from audit_subject_keys where subject_id = '${userId}'`);
    expect(await details()).toEqual(new Set(['UNREADABLE']));
    expect(await details()).toEqual(new Set(['UNREADABLE']));
    const again = { i: { email: (await rowOf(service, userId))?.email, password: goodPassword } };
    await service.graphql('mutation ($i: LoginInput!) { login(input: $i) { __typename } }', again);
    expect(await details()).toEqual(new Set(['UNREADABLE']));
    const list = { filter: {}, limit: 1000 };
    const read = async () =>
      (await inContext(() => service.app.audit.entries.tail(list, operatorContext()))).entries;
    expect((await read()).length).toBeGreaterThan(16 * entriesPerChain);
    await run("update audit_subject_keys set sealed_key = 'this text is not a valid sealed key'");
    expect(await details()).toEqual(new Set(['UNREADABLE']));
    expect((await read()).length).toBeGreaterThan(16 * entriesPerChain);
    await run('delete from audit_subject_keys');
    expect(await details()).toEqual(new Set(['UNREADABLE']));
  });
});
