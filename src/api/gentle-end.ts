/**
 * How to end a connection on which more is arriving than will be read. To close it at once resets it,
 * and a reset takes the answer away from a caller who is still sending.
 */
import type { Socket } from 'node:net';

/** Time for the caller to notice the answer; nothing of what it sends is read meanwhile. */
const patienceMilliseconds = 1_000;

const ending = new WeakSet<Socket>();

export function isEnding(socket: Socket): boolean {
  return ending.has(socket);
}

/** Sends `last` and nothing after it, stops reading, and closes a moment later. */
export function endGently(socket: Socket, last = ''): void {
  if (ending.has(socket)) return;
  ending.add(socket);
  socket.end(last);
  socket.pause();
  const timer = setTimeout(() => socket.destroy(), patienceMilliseconds).unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Node closes so once it has sent the answer that it is to close after. */
export function endGentlyAfterAnswer(socket: Socket): void {
  socket.destroySoon = () => endGently(socket);
}
