/** The start page `/`: what the service offers to people, and its endpoints as JSON for programs. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { acceptsHtml } from '../../http/content-negotiation.ts';
import { contextOf } from '../../http/context.ts';
import { accountRow, type Html, html, sendPage, withVary } from '../page.ts';
import { brandOf, textsOf } from '../presentation.ts';
import { appWay, forgotPasswordWay, registerWay, signInWay, startPath } from '../ways.ts';
import { type AccountPageDeps, accountPageOptions } from './account-page.ts';
import { signOutForm } from './signed-in.ts';

export interface StartDeps extends Pick<AccountPageDeps, 'cookieOwner'> {
  /** The addresses of the endpoints by their names. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** The paths of the pages for developers. They are shown while DEBUG is on. */
  readonly developerPages: readonly {
    readonly path: string;
    readonly name: 'reference' | 'ide' | 'mailbox';
  }[];
}

export function serveStartPage(app: FastifyInstance, deps: StartDeps): void {
  app.get(startPath, accountPageOptions, async (request, reply) => {
    reply.header('vary', withVary(reply, 'Accept'));
    if (!acceptsHtml(request.headers.accept)) {
      return reply.send({ message: brandOf(request).appName, data: deps.endpoints });
    }
    const owner = await deps.cookieOwner(contextOf(request));
    const developers = renderDeveloperPages(reply, deps);
    return owner ? sendSignedInStart(reply, owner, developers) : sendStart(reply, developers);
  });
}

function sendStart(reply: FastifyReply, developers: Html): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  return sendPage(reply, {
    locale,
    title: translate('pages.start.title'),
    body: html`<p>${translate('pages.start.body')}</p>`,
    ways: [signInWay(reply), registerWay(reply), forgotPasswordWay(reply), ...appWay(reply)],
    after: developers,
  });
}

function sendSignedInStart(
  reply: FastifyReply,
  { email }: { readonly email: string },
  developers: Html,
): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  return sendPage(reply, {
    locale,
    title: translate('pages.start.title'),
    mayLeave: true,
    body: accountRow(translate('pages.signInPage.signedInAs'), email),
    ways: appWay(reply),
    after: html`${signOutForm(reply, { isSecondary: true })}${developers}`,
  });
}

function renderDeveloperPages({ request }: FastifyReply, { developerPages }: StartDeps): Html {
  if (developerPages.length === 0) return html``;
  const { translate } = textsOf(request);
  const links = developerPages.map(
    ({ path, name }) => html`<li><a href="${path}">${translate(`pages.start.${name}`)}</a></li>`,
  );
  return html`
<h2>${translate('pages.start.developers')}</h2>
<ul class="ways">
${links}
</ul>`;
}
