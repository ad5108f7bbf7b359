/**
 * An answer of server-sent events. It ends a reader that stalls, so that the unread events of one
 * reader never hold more than a fixed amount of memory.
 */
import type { ServerResponse } from 'node:http';

/** Unread bytes in this process; a reader with more of them has stalled. */
const maxUnreadBytes = 262_144;
/** The time in which a reader has to take the unread bytes. */
const maxBlockedMilliseconds = 5000;

export class EventStream {
  readonly #response: ServerResponse;
  readonly #onStalled: () => void;
  /** Since when the socket takes no more bytes. */
  #blockedAt: number | undefined;

  constructor(response: ServerResponse, onStalled: () => void) {
    this.#response = response;
    this.#onStalled = onStalled;
    response.on('drain', () => {
      this.#blockedAt = undefined;
    });
  }

  /** Sends an event to a reader that keeps up, and ends the stream of any other. */
  send(event: object): void {
    if (this.#isOver) return;
    const isTaken = this.#response.write(`data: ${JSON.stringify(event)}\n\n`);
    if (!isTaken) this.#blockedAt ??= performance.now();
    if (this.#response.writableLength > maxUnreadBytes) this.#endStalled();
  }

  /**
   * Sends many events, never more at once than the reader takes.
   * @returns whether all were sent: false where the stream ended before.
   */
  async sendAll(events: Iterable<object>): Promise<boolean> {
    for (const event of events) {
      this.send(event);
      if (this.#blockedAt !== undefined && !this.#isOver) await this.#drained();
      if (this.#isOver) return false;
    }
    return true;
  }

  end(): void {
    this.#response.end();
  }

  /** Ends a stream whose reader has taken too little for too long; to be called once a second. */
  endIfStalled(): void {
    if (this.#response.destroyed || this.#blockedAt === undefined) return;
    if (performance.now() - this.#blockedAt >= maxBlockedMilliseconds) this.#endStalled();
  }

  #endStalled(): void {
    this.#response.destroy();
    this.#onStalled();
  }

  get #isOver(): boolean {
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
