/** A TCP proxy before a mail server, which can refuse, ignore, delay or break connections. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * `open`: forwards; `refusing`: refuses connections; `silent`: accepts and never replies; `slow`: every reply takes
 * 30 s; `breaking`: the connection breaks after the server accepted a mail and before its reply arrives.
 */
export type GateMode = 'open' | 'refusing' | 'silent' | 'slow' | 'breaking';

export interface MailGate extends AsyncDisposable {
  readonly port: number;
  set(mode: GateMode): Promise<void>;
}

const slowMilliseconds = 30_000;
/** The reply of smtp-server to an accepted mail. */
const acceptedPattern = /^250 OK: message queued/im;

export async function openMailGate(target: number): Promise<MailGate> {
  let mode: GateMode = 'open';
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    sockets.add(near);
    near.on('error', () => undefined).on('close', () => sockets.delete(near));
    if (mode === 'silent') return;
    const far = connect(target, '127.0.0.1');
    far.on('error', () => near.destroy()).on('close', () => near.end());
    near.on('close', () => far.destroy());
    near.pipe(far);
    far.on('data', (bytes: Buffer) => {
      if (mode === 'breaking' && acceptedPattern.test(bytes.toString())) return void near.destroy();
      if (mode !== 'slow') return void near.write(bytes);
      setTimeout(() => near.writable && near.write(bytes), slowMilliseconds).unref();
    });
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port; // listens on TCP
  };
  const port = await listen(0);
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  return {
    port,
    async set(next) {
      mode = next;
      if (next === 'refusing') await close();
      else if (!server.listening) await listen(port);
      // Open connections would keep the previous mode.
      for (const socket of sockets) socket.destroy();
    },
    [Symbol.asyncDispose]: close,
  };
}
