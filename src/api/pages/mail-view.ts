/** One mail shown to a developer: its HTML part in a frame of its own, its text part as it is. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Mail } from '../../mail/mailer.ts';
import { type Html, html } from './html.ts';

export const mailboxPath = '/dev/mailbox';

/** @param htmlPath where the HTML part is served by itself */
export function bodyOfMail(mail: Mail, htmlPath: string): Html {
  return html`<iframe title="HTML part" src="${htmlPath}"></iframe>
<h2>Text part</h2>
<pre>${mail.text}</pre>`;
}

/** The HTML part as its own document, so that its styles and links stand apart from the page's. */
export function sendHtmlPart(reply: FastifyReply, mail: Mail): FastifyReply {
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

export function wantsPage(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('text/html');
}

/** For programs. */
export function sendData(reply: FastifyReply, message: string, data: object): FastifyReply {
  return reply.header('cache-control', 'no-store').send({ message, data });
}
