/** An HTTP server with an empty page, whose origin the scripts of a test run in. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PageOrigin extends AsyncDisposable {
  readonly port: number;
}

export async function servePageOrigin(): Promise<PageOrigin> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!doctype html><link rel="icon" href="data:,"><title>App</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port, // of a TCP server
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
