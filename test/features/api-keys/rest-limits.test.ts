/** A new key over REST never loses its limit by a misspelt or blank field. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RestRequest } from '../../support/client.ts';
import { somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

test('a misspelt or blank limit over REST is refused, and creates no key', async () => {
  const { accessToken: token, userId } = await somebody(service);
  const future = '2098-01-01T00:00:00Z';
  const refused: readonly (readonly [string, RestRequest & { readonly query?: string }])[] = [
    ['permission', { json: { permission: ['shop.sell'] } }],
    ['scopes', { json: { scopes: [] } }],
    ['expiresAt', { json: { expiresAt: future } }],
    ['serviceAccountId', { json: { serviceAccountId: userId } }],
    ['last_used_at', { json: { last_used_at: null } }],
    ['permissions', { json: { permissions: '' } }],
    ['permissions', { json: { permissions: [''] } }],
    ['expires_at', { json: { expires_at: '' } }],
    ['service_account', { json: { service_account: '' } }],
    ['permissions', { form: 'name=x&permissions=' }],
    ['permissions', { form: 'name=x&permissions=&permissions=' }],
    ['permissions[]', { form: 'name=x&permissions[]=shop.sell' }],
    ['expires_at', { form: 'name=x&expires_at=' }],
    ['expires_at', { form: 'name=x&expires_at=%20' }],
    ['service_account', { form: 'name=x&service_account=' }],
    ['expiresAt', { form: `name=x&expiresAt=${future}` }],
    ['permissions', { json: {}, query: '?permissions=shop.sell' }],
    ['expires_at', { json: {}, query: `?expires_at=${future}` }],
  ];
  for (const [field, { query = '', json, ...form }] of refused) {
    const body = json ? { json: { name: 'x', ...json } } : form;
    const answer = await service.rest('POST', `/api_keys/${query}`, { token, ...body });
    const path = field.endsWith(']') ? 'body' : field; // it cannot be a name
    expect([field, answer.status, answer.body.data.code, answer.body.data.fields]).toEqual([
      field,
      400,
      'VALIDATION_FAILED',
      [{ path, message: expect.any(String) }],
    ]);
  }
  const list = await service.rest('GET', '/api_keys/', { token });
  expect(list.body.data).toEqual([]);
});
