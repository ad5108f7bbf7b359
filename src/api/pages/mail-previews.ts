/** A preview of each mail in the development mailbox, in the language of `?locale=`. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../../core/errors.ts';
import { type SupportedLocale, supportedLocaleOf, supportedLocales } from '../../core/locale.ts';
import type { Mail } from '../../mail/mailer.ts';
import { isPreviewName, previewMail, previewNames } from '../../mail/previews.ts';
import { type Html, html } from './html.ts';
import { bodyOfMail, mailboxPath, sendData, sendHtmlPart, wantsPage } from './mail-view.ts';
import { textOf } from './operation.ts';
import { sendPage } from './page.ts';

const path = `${mailboxPath}/preview`;

interface PreviewRoute {
  Params: { name: string };
}

export function servePreviews(app: FastifyInstance, publicUrl: string): void {
  const previewOf = (request: FastifyRequest<PreviewRoute>): Mail => {
    const { name } = request.params;
    if (!isPreviewName(name)) throw new Problem('NOT_FOUND');
    return previewMail(name, { locale: localeOf(request), publicUrl });
  };

  app.get<PreviewRoute>(`${path}/:name`, async (request, reply) => {
    const mail = previewOf(request);
    if (!wantsPage(request)) return sendData(reply, 'Preview', mail);
    const { name } = request.params;
    return sendPage(reply, {
      locale: 'en',
      title: mail.subject,
      isWide: true,
      body: html`<p>Preview of <code>${name}</code> with made-up data. ${links(name)} · <a href="${mailboxPath}">All mails</a></p>
${bodyOfMail(mail, `${path}/${name}/html?locale=${localeOf(request)}`)}`,
    });
  });

  app.get<PreviewRoute>(`${path}/:name/html`, async (request, reply) =>
    sendHtmlPart(reply, previewOf(request)),
  );
}

export function listOfPreviews(): Html {
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
      html`<a href="${path}/${name}?locale=${locale}" aria-label="${name}, ${locale}">${locale}</a>`,
  );
}

function localeOf(request: FastifyRequest): SupportedLocale {
  return supportedLocaleOf(textOf(request.query, 'locale'));
}
