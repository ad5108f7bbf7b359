/**
 * Handles the requests of one connection one after the other. Node passes on every request that has
 * arrived, whether or not the client reads the responses, so a client could fill the memory with
 * responses. Responses leave in the order of their requests in any case (RFC 9112 §9.3.2).
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

type Exchange = readonly [request: IncomingMessage, response: ServerResponse];

interface Pipeline {
  current: ServerResponse;
  readonly waiting: Exchange[];
  /** Bytes that the connection had received when its current request began. */
  bytesBefore: number;
}

export interface PipelineLimits {
  /** Waiting requests of a connection. */
  readonly waitingRequests: number;
  /** Bytes that a connection has received after its current request. */
  readonly waitingBytes: number;
}

const pipelines = new WeakMap<Duplex, Pipeline>();

/** Whether a response has begun on the connection. An error must not be written into it. */
export function isResponding(socket: Duplex): boolean {
  const current = pipelines.get(socket)?.current;
  return current?.headersSent === true && !current.writableFinished;
}

/** Passes a request on when the response before it has left. Closes connections over a limit. */
export function handleInOrder(handler: RequestListener, limits: PipelineLimits): RequestListener {
  const handle = (pipeline: Pipeline, [request, response]: Exchange) => {
    const { socket } = request;
    pipeline.current = response;
    pipeline.bytesBefore = socket.bytesRead;
    response.once('close', () => {
      const next = socket.destroyed ? undefined : pipeline.waiting.shift();
      if (next) handle(pipeline, next);
      else pipelines.delete(socket);
    });
    handler(request, response);
  };
  return (request, response) => {
    const { socket } = request;
    const pipeline = pipelines.get(socket);
    if (pipeline) {
      pipeline.waiting.push([request, response]);
      if (isOverLimit(pipeline, socket.bytesRead, limits)) socket.destroy();
      return;
    }
    const created = { current: response, waiting: [], bytesBefore: 0 };
    pipelines.set(socket, created);
    handle(created, [request, response]);
  };
}

function isOverLimit(
  { waiting, bytesBefore }: Pipeline,
  bytesRead: number,
  { waitingRequests, waitingBytes }: PipelineLimits,
): boolean {
  return waiting.length > waitingRequests || bytesRead - bytesBefore > waitingBytes;
}
