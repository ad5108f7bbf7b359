/**
 * A response of server-sent events. It closes the stream of a client that does not read, so that the unread
 * events of a client use a limited amount of memory.
 */
import type { ServerResponse } from 'node:http';

/** Unread bytes of a client; the stream of a client with more is closed. */
const maxUnreadBytes = 262_144;
/** Time in which a client has to read the unread bytes. */
const maxBlockedMs = 5000;

export class EventStream {
  readonly #response: ServerResponse;
  readonly #onStalled: () => void;
  /** When the buffer of the socket became full. */
  #blockedAt: number | undefined;

  constructor(response: ServerResponse, onStalled: () => void) {
    this.#response = response;
    this.#onStalled = onStalled;
    response.on('drain', () => {
      this.#blockedAt = undefined;
    });
  }

  /** Sends an event, or closes the stream of a client that does not read. */
  send(event: object): void {
    if (this.#isClosed) return;
    const hasRoom = this.#response.write(`data: ${JSON.stringify(event)}\n\n`);
    if (!hasRoom) this.#blockedAt ??= performance.now();
    if (this.#response.writableLength > maxUnreadBytes) this.#closeStalled();
  }

  /**
   * Sends many events, at the speed of the client.
   * @returns false when the stream was closed before the last event
   */
  async sendAll(events: Iterable<object>): Promise<boolean> {
    for (const event of events) {
      this.send(event);
      if (this.#blockedAt !== undefined && !this.#isClosed) await this.#drained();
      if (this.#isClosed) return false;
    }
    return true;
  }

  end(): void {
    this.#response.end();
  }

  /** Closes the stream of a client that has read too little for too long. Call it once a second. */
  closeIfStalled(): void {
    if (this.#response.destroyed || this.#blockedAt === undefined) return;
    if (performance.now() - this.#blockedAt >= maxBlockedMs) this.#closeStalled();
  }

  #closeStalled(): void {
    this.#response.destroy();
    this.#onStalled();
  }

  get #isClosed(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  #drained(): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      const done = () => {
        response.off('drain', done).off('close', done);
        resolve();
      };
      response.on('drain', done).on('close', done);
    });
  }
}
