/** The page behind the links to choose a password with. Opening it changes nothing; its form does. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../../core/errors.ts';
import { textsIn } from '../../i18n/translate.ts';
import type { CompiledDocument } from '../graphql/compiled-operations.ts';
import type { PageDeps } from './code-pages.ts';
import { runOperation, selection, textOf } from './link-operations.ts';
import {
  accountRow,
  html,
  pageLocale,
  sendDeadLink,
  sendFailure,
  sendIncomplete,
  sendPage,
} from './page.ts';
import { passwordForm } from './password-form.ts';

const path = '/reset-password';
const document = `mutation ($input: ResetPasswordInput!) { result: resetPassword(input: $input) ${selection} }`;

export interface ResetPasswordDeps extends PageDeps {
  /** Code points, for the hint. */
  readonly passwordMinLength: number;
}

interface Link {
  readonly uid: string;
  readonly token: string;
}

export function serveResetPasswordPage(app: FastifyInstance, parts: ResetPasswordDeps): void {
  const options = { config: { speaks: 'rest' }, errorHandler: sendFailure } as const;
  const run = parts.compileDocument(document);
  app.get(path, options, async (request, reply) => {
    const link = linkOf(request.query);
    return link ? sendForm(parts, reply, { link }) : sendIncomplete(reply);
  });
  app.post(path, options, async (request, reply) => {
    const link = linkOf(request.body);
    if (!link) return sendIncomplete(reply);
    const problem = await setPassword(run, request, link);
    if (!problem) return sendDone(reply);
    if (problem.code !== 'VALIDATION_FAILED') return sendDeadLink(reply, 'resetPassword');
    return sendForm(parts, reply, { link, problem });
  });
}

function linkOf(source: unknown): Link | undefined {
  const [uid, token] = [textOf(source, 'uid'), textOf(source, 'token')];
  return uid === undefined || token === undefined ? undefined : { uid, token };
}

function setPassword(run: CompiledDocument, request: FastifyRequest, link: Link) {
  const password = textOf(request.body, 'password') ?? '';
  const passwordConfirmation = textOf(request.body, 'passwordConfirmation') ?? '';
  return runOperation(run, request, { input: { ...link, password, passwordConfirmation } });
}

/** Keeps uid and token, so that a refused password can be followed by a better one. */
async function sendForm(
  { linkOwners, passwordMinLength }: ResetPasswordDeps,
  reply: FastifyReply,
  { link, problem }: { readonly link: Link; readonly problem?: Problem },
): Promise<FastifyReply> {
  const owner = await linkOwners.ownerOfPasswordLink(link.uid, link.token);
  if (!owner) return sendDeadLink(reply, 'resetPassword');
  const { email, isInvited } = owner;
  const locale = pageLocale(reply.request);
  const translate = textsIn(locale);
  const title = translate(`pages.resetPassword.${isInvited ? 'inviteTitle' : 'title'}`);
  const isRefused = problem !== undefined;
  return sendPage(reply, {
    locale,
    status: isRefused ? 400 : 200,
    title,
    tabTitle: isRefused ? translate('pages.errorTitle', { title }) : title,
    body: html`<p>${translate(`pages.resetPassword.${isInvited ? 'inviteBody' : 'body'}`)}</p>
${accountRow(translate('pages.account'), email)}
${passwordForm(translate, { ...link, action: path, email, minLength: passwordMinLength, problem })}`,
  });
}

function sendDone(reply: FastifyReply): FastifyReply {
  const locale = pageLocale(reply.request);
  const translate = textsIn(locale);
  return sendPage(reply, {
    locale,
    mark: 'done',
    title: translate('pages.resetPassword.doneTitle'),
    body: html`<p>${translate('pages.resetPassword.done')}</p>
<p class="quiet">${translate('pages.closeHint')}</p>`,
  });
}
