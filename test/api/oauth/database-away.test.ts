/** The OAuth endpoints and `/forward-auth` without a database: no request is allowed, and Retry-After is set. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type DatabaseWire, openDatabaseWire } from '../../support/database-wire.ts';
import { oauth } from '../../support/oauth.ts';
import { somebody } from '../../support/people.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn } from '../../support/session-calls.ts';

let database: TestDatabase;
let wire: DatabaseWire;
let service: TestService;
beforeAll(async () => {
  database = await createTestDatabase();
  wire = await openDatabaseWire(database.url);
  service = await startService({ database: { ...database, url: wire.url } });
});
afterAll(async () => {
  await service.close();
  await wire[Symbol.asyncDispose]();
  await database.drop();
});

test('every endpoint is temporarily unavailable with Retry-After, and works afterwards', async () => {
  const ada = await somebody(service);
  const token = { token: ada.refreshToken };
  const grant = { grant_type: 'refresh_token', refresh_token: ada.refreshToken };
  const basic = ['client', 'wrong'] as const;
  const isCut = wire.cutAt(/^update sessions/);
  const answers = [await oauth(service, 'token', { form: grant })];
  await isCut;
  answers.push(
    await oauth(service, 'token', { form: grant }),
    await oauth(service, 'revoke', { form: token }),
    await oauth(service, 'introspect', { form: token, basic }),
  );
  for (const { status, body, headers } of answers) {
    expect([status, body.error]).toEqual([503, 'temporarily_unavailable']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
  const forwarded = await rawRequest(service.address, ['GET', '/forward-auth'], {
    headers: { authorization: `Bearer ${ada.accessToken}` },
  });
  expect(forwarded.status).toBe(503);
  expect(Number(forwarded.headers['retry-after'])).toBeGreaterThan(0);
  expect(Object.keys(forwarded.headers).filter((name) => name.startsWith('x-user'))).toEqual([]);

  await wire.mend();
  const { status, body } = await oauth(service, 'token', { form: grant });
  expect(status).toBe(200);
  expect(await isIn(service, body.access_token)).toBe(true);
});
