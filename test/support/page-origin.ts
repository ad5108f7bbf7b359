/** An HTTP server with one page, whose origin the scripts of a test run in. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface PageOrigin extends AsyncDisposable {
  readonly port: number;
}

/** @param body HTML of the page, which is empty by default */
export async function servePageOrigin(body = ''): Promise<PageOrigin> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><link rel="icon" href="data:,"><title>App</title>${body}`);
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
