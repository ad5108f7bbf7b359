/** The GraphQL-over-HTTP specification: every audit of `graphql-http`, one test each. */
import { type Audit, serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
/** As in production: without introspection and without an IDE. */
let quietService: TestService;

beforeAll(async () => {
  service = await startService();
  quietService = await startService({
    database: service.database,
    mail: service.mail,
    environment: { DEBUG: 'False' },
  });
});
afterAll(async () => {
  await quietService.close();
  await service.close();
});

/** A header that a page of another site cannot send; without it the protection against CSRF refuses a plain GET. */
const preflight = { 'apollo-require-preflight': 'true' };

function auditsOf(of: () => TestService): readonly Audit[] {
  return serverAudits({
    url: () => `${of().address}/graphql`,
    fetchFn: (url: string, init: RequestInit = {}) =>
      fetch(url, { ...init, headers: { ...init.headers, ...preflight } }),
  });
}

/** Audits that query a type of the schema, which is hidden without DEBUG. */
const introspecting: ReadonlySet<string> = new Set(['BF61', '2EA1', '28B9', 'D6D5', '6A70']);

async function expectOk({ fn }: Audit): Promise<void> {
  const result = await fn();
  const failure = result.status === 'ok' ? '' : `${result.reason}: ${await result.response.text()}`;
  expect([result.status, failure]).toEqual(['ok', '']);
}

describe('with DEBUG', () => {
  const audits = auditsOf(() => service);

  test('the number of audits is unchanged', () => {
    expect(audits.length).toBe(61);
  });

  test.each(audits)('$id $name', expectOk);
});

describe('without DEBUG', () => {
  const audits = auditsOf(() => quietService);

  test.each(audits.filter(({ id }) => !introspecting.has(id)))('$id $name', expectOk);

  test.each(audits.filter(({ id }) => introspecting.has(id)))(
    '$id $name: the schema is hidden',
    async ({ fn }) => {
      const result = await fn();
      if (result.status === 'ok') throw new Error('the schema was shown');
      expect(await result.response.text()).toContain('"Introspection is disabled."');
    },
  );
});
