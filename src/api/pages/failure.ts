/** Pages for what went wrong on the way, for people who would otherwise look at JSON. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { textsIn } from '../../core/texts/texts.ts';
import { sendRefusal } from '../envelope.ts';
import { problemOf } from '../problem-of.ts';
import { html } from './html.ts';
import { pageLocale, sendPage } from './page.ts';

type Failure = 'throttled' | 'overloaded' | 'malformed' | 'internal';

/** The error handler of pages. Quotes nothing; what is unexpected goes to the log. */
export function sendFailure(
  error: Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = problemOf(error);
  // Only programs send tokens.
  if (problem?.code === 'UNAUTHENTICATED') return sendRefusal(reply, problem);
  if (problem?.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(problem.retryAfterSeconds));
  }
  if (problem?.code === 'THROTTLED') return sendFailurePage(reply, 429, 'throttled');
  if (problem?.code === 'OVERLOADED') return sendFailurePage(reply, 503, 'overloaded');
  const status = 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500) return sendFailurePage(reply, status, 'malformed');
  if (!problem) request.log.error({ err: error }, 'unexpected error');
  return sendFailurePage(reply, 500, 'internal');
}

function sendFailurePage(reply: FastifyReply, status: number, failure: Failure): FastifyReply {
  const locale = pageLocale(reply.request);
  const say = textsIn(locale);
  return sendPage(reply, {
    locale,
    status,
    mark: 'refused',
    title: say('pages.failure.title'),
    body: html`<p>${say(`pages.failure.${failure}`)}</p>`,
  });
}

/** For a link that lost a part on its way. */
export function sendIncomplete(reply: FastifyReply): FastifyReply {
  const locale = pageLocale(reply.request);
  const say = textsIn(locale);
  return sendPage(reply, {
    locale,
    status: 400,
    mark: 'refused',
    title: say('pages.linkIncomplete.title'),
    body: html`<p>${say('pages.linkIncomplete.body')}</p>`,
  });
}

/** For a link that was used, is too old or was never one. Does not say which, nor whose it was. */
export function sendDeadLink(
  reply: FastifyReply,
  page: 'verifyEmail' | 'confirmEmailChange' | 'cancelEmailChange' | 'resetPassword',
): FastifyReply {
  const locale = pageLocale(reply.request);
  const say = textsIn(locale);
  return sendPage(reply, {
    locale,
    status: 400,
    mark: 'refused',
    title: say(`pages.${page}.deadTitle`),
    body: html`<p>${say(`pages.${page}.dead`)}</p>
<p>${say(`pages.${page}.deadHelp`)}</p>`,
  });
}
