/** The development mailbox as pages and, for programs, as JSON. Only there while no mail server is set. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../core/errors.ts';
import type { DevelopmentMailbox, KeptMail } from '../../mail/mailbox.ts';
import { html, sendPage } from './page.ts';

const path = '/dev/mailbox';

export function serveMailbox(app: FastifyInstance, mailbox: DevelopmentMailbox): void {
  app.get(path, async (request, reply) => {
    const mails = await mailbox.list();
    return wantsPage(request)
      ? sendList(reply, mails)
      : reply
          .header('cache-control', 'no-store')
          .send({ message: 'Mails, newest first', data: mails });
  });

  app.get<{ Params: { id: string } }>(`${path}/:id`, async (request, reply) => {
    const mail = await requireMail(mailbox, request.params.id);
    return wantsPage(request)
      ? sendMail(reply, mail)
      : reply.header('cache-control', 'no-store').send({ message: 'Mail', data: mail });
  });

  // The HTML part as its own document, so that its styles and links stand apart from the page's.
  app.get<{ Params: { id: string } }>(`${path}/:id/html`, async (request, reply) => {
    const mail = await requireMail(mailbox, request.params.id);
    return reply
      .type('text/html; charset=utf-8')
      .header('cache-control', 'no-store')
      .header(
        'content-security-policy',
        "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
      )
      .header('x-frame-options', 'SAMEORIGIN')
      .send(mail.html.replace('<head>', '<head><base target="_top">'));
  });
}

async function requireMail(mailbox: DevelopmentMailbox, id: string): Promise<KeptMail> {
  const mail = await mailbox.find(id);
  if (!mail) throw new Problem('NOT_FOUND');
  return mail;
}

function wantsPage(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('text/html');
}

function sendList(reply: FastifyReply, mails: readonly KeptMail[]): FastifyReply {
  const rows = mails.map(
    (mail) =>
      html`<tr><td>${mail.sentAt}</td><td>${mail.to}</td><td><a href="${path}/${mail.id}">${mail.subject}</a></td></tr>`,
  );
  return sendPage(reply, {
    title: 'Development mailbox',
    isWide: true,
    body: html`<p>No mail server is set, so mails are kept here. Set <code>EMAIL_HOST</code> to send them.</p>
<table>
<thead><tr><th scope="col">Time</th><th scope="col">To</th><th scope="col">Subject</th></tr></thead>
<tbody>
${rows}
</tbody>
</table>
${mails.length === 0 ? html`<p>There are no mails yet.</p>` : ''}`,
  });
}

function sendMail(reply: FastifyReply, mail: KeptMail): FastifyReply {
  return sendPage(reply, {
    title: mail.subject,
    isWide: true,
    body: html`<p>To ${mail.to}, from ${mail.from}, ${mail.sentAt}. <a href="${path}">All mails</a></p>
<iframe title="HTML part" src="${path}/${mail.id}/html"></iframe>
<h2>Text part</h2>
<pre>${mail.text}</pre>`,
  });
}
