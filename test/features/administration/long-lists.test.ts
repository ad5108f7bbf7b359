/** Lists of permissions that are far longer than the cost limit of a query expects. */
import { expect, test } from 'vitest';
import { superuser } from '../../support/administrators.ts';
import { startService } from '../../support/service.ts';

test('J11: thousands of permissions for a page of superusers are rejected, and those for fewer returned', async () => {
  await using service = await startService();
  const root = await superuser(service);
  await service.database.query(
    `insert into permissions (id, codename, name)
     select gen_random_uuid(), 'flood.drop_' || i, 'A drop' from generate_series(1, 1000) i`,
  );
  await service.database.query(
    `insert into users (id, email, status, is_superuser, created_at, updated_at)
     select gen_random_uuid(), 'super' || i || '@example.com', 'ACTIVE', true, now(), now()
     from generate_series(1, 100) i`,
  );
  const send = async (first: number, fields: string, aliases = 1) => {
    const users = (index: number) => `a${index}: users(first: ${first}) { nodes { ${fields} } }`;
    const { errors } = await service.graphql(
      `{ ${Array.from({ length: aliases }, (_, index) => users(index)).join(' ')} }`,
      {},
      root.accessToken,
    );
    return errors?.at(0)?.extensions?.code ?? 'success';
  };
  for (const fields of ['effectivePermissions', 'groups { permissions { id codename name } }']) {
    expect([fields, await send(100, fields)]).toEqual([fields, 'VALIDATION_FAILED']);
    expect([fields, await send(10, fields, 10)]).toEqual([fields, 'VALIDATION_FAILED']);
    expect([fields, await send(20, fields)]).toEqual([fields, 'success']);
  }
});
