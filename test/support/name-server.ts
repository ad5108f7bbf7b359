/** A DNS server with IPv4 addresses for any name, like that of Docker for its containers. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export interface NameServer extends AsyncDisposable {
  readonly port: number;
}

const headerBytes = 12;
const typeA = 1;

/** Replies with `addresses` to a question for IPv4, and with an empty answer to others. */
export async function startNameServer(addresses: readonly string[]): Promise<NameServer> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { address, port }) => {
    socket.send(answerTo(query, addresses), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** RFC 1035 §4.1: the reply repeats the question, and each record refers to its name. */
function answerTo(query: Buffer, addresses: readonly string[]): Buffer {
  const endOfName = query.indexOf(0, headerBytes);
  const question = query.subarray(headerBytes, endOfName + 5);
  const isForIpv4 = query.readUInt16BE(endOfName + 1) === typeA;
  const records = isForIpv4 ? addresses.map(recordOf) : [];
  const header = Buffer.alloc(headerBytes);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180, 2); // an answer without error
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, question, ...records]);
}

function recordOf(address: string): Buffer {
  const ttlSeconds = 1;
  const head = Buffer.from([0xc0, headerBytes, 0, typeA, 0, 1, 0, 0, 0, ttlSeconds, 0, 4]);
  return Buffer.concat([head, Buffer.from(address.split('.').map(Number))]);
}
