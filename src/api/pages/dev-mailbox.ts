/**
 * The development mailbox, as pages and as JSON. It exists while no mail server is configured, and answers
 * clients on the same machine only, because the mails contain codes.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../core/errors.ts';
import { type SupportedLocale, supportedLocaleOf, supportedLocales } from '../../i18n/locale.ts';
import type { DevMailbox, StoredMail } from '../../mail/dev-mailbox.ts';
import type { Mail } from '../../mail/templates/layout.ts';
import { isPreviewName, previewMail, previewNames } from '../../mail/templates/previews.ts';
import { createMailWriter } from '../../mail/templates/templates.ts';
import { requireLocalClient } from '../http/access-control.ts';
import { acceptsHtml } from '../http/content-negotiation.ts';
import { toProblem } from '../http/responses.ts';
import { sendErrorPage } from './account/error-pages.ts';
import { textOf } from './link-operations.ts';
import { type Html, html, sendPage } from './page.ts';

interface MailboxDeps {
  readonly mailbox: DevMailbox;
  readonly publicUrl: string;
}

/** One hook guards all routes, including those for other methods. */
export function serveMailbox(app: FastifyInstance, deps: MailboxDeps): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (isInMailbox(request.routeOptions.url)) requireLocalClient(request);
    done();
  });
  serveMails(app, deps);
  servePreviews(app, deps.publicUrl);
}

interface MailRoute {
  Params: { id: string };
}

const options = { errorHandler: sendMissingMail } as const;

/** Sends a browser the page for a missing mail. Programs get JSON. */
function sendMissingMail(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const isMissing = toProblem(error)?.code === 'NOT_FOUND';
  if (isMissing && acceptsHtml(request.headers.accept)) return sendErrorPage(reply, 404);
  throw error;
}

function isInMailbox(url = ''): boolean {
  return url === mailboxPath || url.startsWith(`${mailboxPath}/`);
}

function serveMails(app: FastifyInstance, { mailbox }: MailboxDeps): void {
  app.get(mailboxPath, async (request, reply) => {
    const mails = await mailbox.list();
    return acceptsHtml(request.headers.accept)
      ? sendList(reply, mails)
      : sendData(reply, 'Mails, newest first', mails);
  });

  app.get<MailRoute>(`${mailboxPath}/:id`, options, async (request, reply) => {
    const mail = await requireMail(mailbox, request.params.id);
    return acceptsHtml(request.headers.accept)
      ? sendMail(reply, mail)
      : sendData(reply, 'Mail', mail);
  });

  app.get<MailRoute>(`${mailboxPath}/:id/html`, options, async (request, reply) =>
    sendHtmlPart(reply, await requireMail(mailbox, request.params.id)),
  );
}

async function requireMail(mailbox: DevMailbox, id: string): Promise<StoredMail> {
  const mail = await mailbox.find(id);
  if (!mail) throw new Problem('NOT_FOUND');
  return mail;
}

function sendList(reply: FastifyReply, mails: readonly StoredMail[]): FastifyReply {
  const rows = mails.map(
    (mail) =>
      html`<tr><td><a href="${mailboxPath}/${mail.id}">${mail.subject}</a></td><td>${mail.to}</td><td>${timeOf(mail)}</td></tr>`,
  );
  return sendPage(reply, {
    locale: 'en',
    title: 'Development mailbox',
    isWide: true,
    body: html`<p>No mail server is configured, so mails are stored here. Set <code>EMAIL_HOST</code> to send them.</p>
<table>
<thead><tr><th scope="col">Subject</th><th scope="col">To</th><th scope="col">Time (UTC)</th></tr></thead>
<tbody>
${rows}
</tbody>
</table>
${mails.length === 0 ? html`<p>There are no mails yet.</p>` : ''}
${listOfPreviews()}`,
  });
}

function timeOf({ sentAt }: StoredMail): Html {
  return html`<time datetime="${sentAt}">${sentAt.slice(0, 19).replace('T', ' ')}</time>`;
}

function sendMail(reply: FastifyReply, mail: StoredMail): FastifyReply {
  return sendPage(reply, {
    locale: 'en',
    title: mail.subject,
    isWide: true,
    body: html`<p>To ${mail.to}, from ${mail.from}, ${timeOf(mail)}. <a href="${mailboxPath}">All mails</a></p>
${bodyOfMail(mail, `${mailboxPath}/${mail.id}/html`)}`,
  });
}

export const mailboxPath = '/dev/mailbox';

/** @param htmlPath the path of the HTML part */
function bodyOfMail(mail: Mail, htmlPath: string): Html {
  return html`<iframe title="HTML part" src="${htmlPath}"></iframe>
<h2>Text part</h2>
<pre>${mail.text}</pre>`;
}

/** Sends the HTML part as a separate document, so that its styles do not mix with those of the page. */
function sendHtmlPart(reply: FastifyReply, mail: Mail): FastifyReply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header(
      'content-security-policy',
      "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    )
    .header('x-frame-options', 'SAMEORIGIN')
    .send(mail.html.replace('<head>', '<head><base target="_top">'));
}

function sendData(reply: FastifyReply, message: string, data: object): FastifyReply {
  return reply.header('cache-control', 'no-store').send({ message, data });
}

const previewPath = `${mailboxPath}/preview`;

interface PreviewRoute {
  Params: { name: string };
}

function servePreviews(app: FastifyInstance, publicUrl: string): void {
  const writeMail = createMailWriter(app.presentation);
  const previewOf = (request: FastifyRequest<PreviewRoute>): Mail => {
    const { name } = request.params;
    if (!isPreviewName(name)) throw new Problem('NOT_FOUND');
    return previewMail(name, { locale: localeOf(request), publicUrl, writeMail });
  };

  app.get<PreviewRoute>(`${previewPath}/:name`, options, async (request, reply) => {
    const mail = previewOf(request);
    if (!acceptsHtml(request.headers.accept)) return sendData(reply, 'Preview', mail);
    const { name } = request.params;
    return sendPage(reply, {
      locale: 'en',
      title: mail.subject,
      isWide: true,
      body: html`<p>Preview of <code>${name}</code> with made-up data. ${links(name)} · <a href="${mailboxPath}">All mails</a></p>
${bodyOfMail(mail, `${previewPath}/${name}/html?locale=${localeOf(request)}`)}`,
    });
  });

  app.get<PreviewRoute>(`${previewPath}/:name/html`, options, async (request, reply) =>
    sendHtmlPart(reply, previewOf(request)),
  );
}

function listOfPreviews(): Html {
  return html`<h2>Previews</h2>
<table>
<thead><tr><th scope="col">Mail</th><th scope="col">Languages</th></tr></thead>
<tbody>
${previewNames.map((name) => html`<tr><td><code>${name}</code></td><td>${links(name)}</td></tr>`)}
</tbody>
</table>`;
}

function links(name: string): Html[] {
  return supportedLocales.map(
    (locale) =>
      html`<a href="${previewPath}/${name}?locale=${locale}" aria-label="${name}, ${locale}">${locale}</a>`,
  );
}

function localeOf(request: FastifyRequest): SupportedLocale {
  return supportedLocaleOf(textOf(request.query, 'locale'));
}
