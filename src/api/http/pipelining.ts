/**
 * Requests of one connection, one after the other. Node hands on every request that has arrived,
 * whether or not anybody reads the answers; a caller could so hold answers without end. Answers have
 * to leave in order in any case (RFC 9112 §9.3.2).
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

type Exchange = readonly [request: IncomingMessage, response: ServerResponse];

interface Pipeline {
  current: ServerResponse;
  readonly waiting: Exchange[];
  /** What the connection had brought when its first unanswered request was there. */
  bytesBefore: number;
}

export interface PipelineLimits {
  /** Requests of a connection that wait for their turn. */
  readonly waitingRequests: number;
  /** Bytes of a connection behind its first unanswered request. */
  readonly waitingBytes: number;
}

const pipelines = new WeakMap<Duplex, Pipeline>();

/** Whether an answer has begun on the connection: nothing else may be written into it. */
export function isAnswering(socket: Duplex): boolean {
  const current = pipelines.get(socket)?.current;
  return current?.headersSent === true && !current.writableFinished;
}

/** Hands each request on when the answer before it has left; ends connections with too many of them. */
export function answerInOrder(handler: RequestListener, limits: PipelineLimits): RequestListener {
  const handOn = (pipeline: Pipeline, [request, response]: Exchange) => {
    const { socket } = request;
    pipeline.current = response;
    pipeline.bytesBefore = socket.bytesRead;
    response.once('close', () => {
      const next = socket.destroyed ? undefined : pipeline.waiting.shift();
      if (next) handOn(pipeline, next);
      else pipelines.delete(socket);
    });
    handler(request, response);
  };
  return (request, response) => {
    const { socket } = request;
    const pipeline = pipelines.get(socket);
    if (pipeline) {
      pipeline.waiting.push([request, response]);
      if (isTooLong(pipeline, socket.bytesRead, limits)) socket.destroy();
      return;
    }
    const begun = { current: response, waiting: [], bytesBefore: 0 };
    pipelines.set(socket, begun);
    handOn(begun, [request, response]);
  };
}

function isTooLong(
  { waiting, bytesBefore }: Pipeline,
  bytesRead: number,
  { waitingRequests, waitingBytes }: PipelineLimits,
): boolean {
  return waiting.length > waitingRequests || bytesRead - bytesBefore > waitingBytes;
}
