/** What the account pages have in common: route options, the notice about `return_to`, and the error page. */
import type { FastifyReply } from 'fastify';
import type { RequestContext } from '../../../core/request-context.ts';
import { requireSameOrigin } from '../../http/session-cookie.ts';
import type { PageDeps } from '../code-pages.ts';
import { createFailureHandler, type Html, html } from '../page.ts';
import { textsOf } from '../presentation.ts';
import { type ReturnTo, returnToOf, withReturnTo } from './return-to.ts';

export interface AccountPageDeps extends Pick<PageDeps, 'prepareDocument'> {
  /** Code points, for the hint. */
  readonly passwordMinLength: number;
  /** The account of the session cookie; undefined if the browser is not signed in. */
  readonly cookieOwner: (
    context: RequestContext,
  ) => Promise<{ readonly email: string } | undefined>;
}

/** Shows errors with a link to the page that failed. */
const sendFormFailure = createFailureHandler(({ request }, failure, retryAfterSeconds) => {
  const { translate } = textsOf(request);
  const text =
    failure === 'throttled'
      ? translate('pages.formFailure.throttled', { count: Math.ceil(retryAfterSeconds / 60) || 1 })
      : translate(`pages.formFailure.${failure}`);
  const href = withReturnTo(request.routeOptions.url ?? '/', returnToOf(request).url);
  return { text, ways: [{ href, label: translate('pages.tryAgain') }] };
});

/** A form of another site is refused, so that no site signs a visitor in or out (login CSRF). */
export const accountPageOptions = { ...requireSameOrigin, errorHandler: sendFormFailure };

/** The notice about a `return_to` that is not allowed. Empty without one. */
export function returnNotice({ request }: FastifyReply, { isRejected }: ReturnTo): Html {
  const { translate } = textsOf(request);
  return isRejected
    ? html`<p class="note">${translate('pages.returnRejected')}</p>
`
    : html``;
}

/** The title of the browser tab for a page with or without a fault. */
export function tabTitle(reply: FastifyReply, title: string, hasFault: boolean): string {
  return hasFault ? textsOf(reply.request).translate('pages.errorTitle', { title }) : title;
}
