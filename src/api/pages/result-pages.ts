/**
 * The results of the forms of mail links, each at an address without a secret: a reload sends no form again. The text
 * is the same for every visitor.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { returnToOf, withReturnTo } from './account/return-to.ts';
import { html, sendFailure, sendPage, type Way } from './page.ts';
import { textsOf } from './presentation.ts';
import { appWay, resetPasswordWay, signInWay } from './ways.ts';

type LinkPath =
  | '/verify-email'
  | '/reset-password'
  | '/confirm-email-change'
  | '/cancel-email-change';

export interface ResultPage {
  readonly path: `${LinkPath}/${'done' | 'cancelled'}`;
  readonly texts:
    | 'verifyEmail'
    | 'cancelledRegistration'
    | 'resetPassword'
    | 'confirmEmailChange'
    | 'cancelEmailChange';
  /** The first step from here, besides the way to the application. */
  readonly next?: (reply: FastifyReply, returnUrl?: string) => Way;
}

export const resultPages = {
  addressVerified: { path: '/verify-email/done', texts: 'verifyEmail', next: signInWay },
  registrationRemoved: { path: '/verify-email/cancelled', texts: 'cancelledRegistration' },
  passwordSet: { path: '/reset-password/done', texts: 'resetPassword', next: signInWay },
  addressChanged: {
    path: '/confirm-email-change/done',
    texts: 'confirmEmailChange',
    next: signInWay,
  },
  changeCancelled: {
    path: '/cancel-email-change/done',
    texts: 'cancelEmailChange',
    next: resetPasswordWay,
  },
} as const satisfies Record<string, ResultPage>;

export function serveResultPages(app: FastifyInstance): void {
  const options = { config: { format: 'rest' }, errorHandler: sendFailure } as const;
  for (const page of Object.values(resultPages)) {
    app.get(page.path, options, async (_request, reply) => sendResultPage(reply, page));
  }
}

/** Leads the browser from a submitted form to its result. Keeps an allowed `return_to`. */
export function redirectToResult(reply: FastifyReply, { path }: ResultPage): FastifyReply {
  reply.header('cache-control', 'no-store');
  return reply.redirect(withReturnTo(path, returnToOf(reply.request).url), 303);
}

function sendResultPage(reply: FastifyReply, { texts, next }: ResultPage): FastifyReply {
  const { url } = returnToOf(reply.request);
  const { locale, translate } = textsOf(reply.request);
  const isRemoval = texts === 'cancelledRegistration';
  const title = isRemoval
    ? 'pages.verifyEmail.cancelledTitle'
    : (`pages.${texts}.doneTitle` as const);
  const body = isRemoval ? 'pages.verifyEmail.cancelled' : (`pages.${texts}.done` as const);
  return sendPage(reply, {
    locale,
    mark: 'done',
    title: translate(title),
    body: html`<p>${translate(body)}</p>${
      isRemoval ? html`<p class="quiet">${translate('pages.closeHint')}</p>` : ''
    }`,
    ways: [...(next ? [next(reply, url)] : []), ...appWay(reply, url)],
  });
}
