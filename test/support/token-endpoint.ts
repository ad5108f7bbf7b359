/** A token endpoint of OAuth 2.0 in the process of the test. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A token endpoint that returns these tokens in turn, and then an error that quotes the request. */
export async function startTokenEndpoint(tokens: readonly string[]) {
  const requests: Record<string, string>[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const parameters = Object.fromEntries(new URLSearchParams(text));
    const token = tokens[requests.length];
    requests.push(parameters);
    const refusal = {
      error: 'invalid_grant',
      error_description: `${parameters.refresh_token} was revoked`,
    };
    response.writeHead(token === undefined ? 400 : 200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(token === undefined ? refusal : { access_token: token, expires_in: 3600 }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listens on TCP
  return {
    url: `http://127.0.0.1:${port}/token`,
    requests,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
