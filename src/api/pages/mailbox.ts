/**
 * The development mailbox as pages and, for programs, as JSON. Only there while no mail server is
 * set, and for this machine only: the mails hold codes.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Problem } from '../../core/errors.ts';
import type { DevelopmentMailbox, KeptMail } from '../../mail/mailbox.ts';
import { requireThisMachine } from '../local-only.ts';
import { type Html, html } from './html.ts';
import { listOfPreviews, servePreviews } from './mail-previews.ts';
import { bodyOfMail, mailboxPath as path, sendData, sendHtmlPart, wantsPage } from './mail-view.ts';
import { sendPage } from './page.ts';

interface MailboxParts {
  readonly mailbox: DevelopmentMailbox;
  readonly publicUrl: string;
}

/** Every route, other methods too, is behind one guard. */
export function serveMailbox(app: FastifyInstance, parts: MailboxParts): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (isInMailbox(request.routeOptions.url)) requireThisMachine(request);
    done();
  });
  serveMails(app, parts);
  servePreviews(app, parts.publicUrl);
}

function isInMailbox(url = ''): boolean {
  return url === path || url.startsWith(`${path}/`);
}

function serveMails(app: FastifyInstance, { mailbox }: MailboxParts): void {
  app.get(path, async (request, reply) => {
    const mails = await mailbox.list();
    return wantsPage(request)
      ? sendList(reply, mails)
      : sendData(reply, 'Mails, newest first', mails);
  });

  app.get<{ Params: { id: string } }>(`${path}/:id`, async (request, reply) => {
    const mail = await requireMail(mailbox, request.params.id);
    return wantsPage(request) ? sendMail(reply, mail) : sendData(reply, 'Mail', mail);
  });

  app.get<{ Params: { id: string } }>(`${path}/:id/html`, async (request, reply) =>
    sendHtmlPart(reply, await requireMail(mailbox, request.params.id)),
  );
}

async function requireMail(mailbox: DevelopmentMailbox, id: string): Promise<KeptMail> {
  const mail = await mailbox.find(id);
  if (!mail) throw new Problem('NOT_FOUND');
  return mail;
}

function sendList(reply: FastifyReply, mails: readonly KeptMail[]): FastifyReply {
  const rows = mails.map(
    (mail) =>
      html`<tr><td><a href="${path}/${mail.id}">${mail.subject}</a></td><td>${mail.to}</td><td>${timeOf(mail)}</td></tr>`,
  );
  return sendPage(reply, {
    locale: 'en',
    title: 'Development mailbox',
    isWide: true,
    body: html`<p>No mail server is set, so mails are kept here. Set <code>EMAIL_HOST</code> to send them.</p>
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

function timeOf({ sentAt }: KeptMail): Html {
  return html`<time datetime="${sentAt}">${sentAt.slice(0, 19).replace('T', ' ')}</time>`;
}

function sendMail(reply: FastifyReply, mail: KeptMail): FastifyReply {
  return sendPage(reply, {
    locale: 'en',
    title: mail.subject,
    isWide: true,
    body: html`<p>To ${mail.to}, from ${mail.from}, ${timeOf(mail)}. <a href="${path}">All mails</a></p>
${bodyOfMail(mail, `${path}/${mail.id}/html`)}`,
  });
}
