/** Access tokens with the address of a foreign key: the service does not request it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { generateKeyPair } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { partsOf, sign } from '../support/forge.ts';
import { somebody } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

test('E03: no key is fetched from a URL in a token', async () => {
  const { accessToken } = await somebody(service);
  const valid = partsOf(accessToken);
  const { privateKey } = await generateKeyPair('ES256');
  const requests: string[] = [];
  const keys = createServer((request, response) => {
    requests.push(request.url ?? '');
    response.end(JSON.stringify({ keys: [] }));
  });
  await once(keys.listen(0, '127.0.0.1'), 'listening');
  const address = `http://127.0.0.1:${(keys.address() as AddressInfo).port}`; // of a TCP server
  const forgeries = ['jku', 'x5u', 'kid'].map((member) => ({
    ...valid,
    header: { ...valid.header, [member]: `${address}/${member}` },
  }));
  forgeries.push({ ...valid, payload: { ...valid.payload, iss: address } });
  for (const forgery of forgeries) {
    const token = await sign(forgery, privateKey);
    expect((await service.rest('GET', '/profile/view/', { token })).status).toBe(401);
    expect((await service.graphql('{ me { id } }', {}, token)).status).toBe(401);
  }
  keys.close();
  expect(requests).toEqual([]);
});
