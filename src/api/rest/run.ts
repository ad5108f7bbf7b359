/** Runs a row of the REST table: request to variables, document, result to answer. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../core/errors.ts';
import { acceptsJson } from '../accept.ts';
import { contextOf } from '../context.ts';
import type { RefuseCrowdedLogin } from '../crowded-logins.ts';
import { HttpRefusal } from '../http-refusal.ts';
import type { OwnDocument, PrepareDocument } from '../own-documents.ts';
import { sendResult, sendTopLevelError } from './answers.ts';
import { variablesOf } from './inputs.ts';
import { restRows } from './routes.ts';
import type { RestRow } from './row.ts';

/** Shows a person the page with a button, where a program would use something up at once. */
export type ConsumingPage = (request: FastifyRequest, reply: FastifyReply) => unknown;

export function serveRest(
  app: FastifyInstance,
  parts: {
    readonly prefix: string;
    readonly prepareDocument: PrepareDocument;
    readonly verifyPage: ConsumingPage;
    readonly refuseCrowdedLogin: RefuseCrowdedLogin;
  },
): void {
  for (const row of restRows) {
    const run = parts.prepareDocument(row.document);
    app.route({
      method: row.isConsuming ? [row.method, 'HEAD'] : row.method,
      url: `${parts.prefix}${row.path}`,
      config: { speaks: 'rest' },
      ...(row.needsToken ? { onRequest: requireCaller } : {}),
      preHandler: (request, _reply, done) => {
        if (row.isLogin) parts.refuseCrowdedLogin(request);
        done();
      },
      handler: (request, reply) =>
        row.isConsuming && isLookingOnly(request)
          ? parts.verifyPage(request, reply)
          : runRow(row, run, request, reply),
    });
  }
}

/** Refuses a request without a valid access token before its body is read. */
async function requireCaller(request: FastifyRequest): Promise<void> {
  requireJsonWanted(request);
  if (!contextOf(request).actor) throw new Problem('UNAUTHENTICATED');
}

function requireJsonWanted({ headers }: FastifyRequest): void {
  if (!acceptsJson(headers.accept)) throw new HttpRefusal(406);
}

/** A browser, a prefetch or a HEAD: nothing may be used up (RFC 9110 §9.2.1). */
function isLookingOnly(request: FastifyRequest): boolean {
  const { accept = '', purpose, 'sec-purpose': secPurpose } = request.headers;
  return (
    request.method === 'HEAD' ||
    accept.includes('text/html') ||
    [purpose, secPurpose].some((value) => String(value).includes('prefetch'))
  );
}

async function runRow(
  row: RestRow,
  run: OwnDocument,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  requireJsonWanted(request);
  const context = contextOf(request);
  const { data, errors } = await run(variablesOf(row, request), context);
  return errors?.[0]
    ? sendTopLevelError(row, errors[0].extensions, reply)
    : sendResult(row, data?.result ?? null, reply);
}
