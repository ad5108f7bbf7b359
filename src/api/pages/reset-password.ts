/** The page of reset and invitation links, with a form for the new password. Opening it changes nothing. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../../core/errors.ts';
import type { ExecuteOperation } from '../graphql/operations.ts';
import { useCookieIfSameOrigin } from '../http/session-cookie.ts';
import type { PageDeps } from './code-pages.ts';
import { executeOperation, selection, textOf } from './link-operations.ts';
import { sendIncompleteLink, sendInvalidLink } from './link-pages.ts';
import { accountRow, html, sendFailure, sendPage } from './page.ts';
import { passwordForm } from './password-form.ts';
import { textsOf } from './presentation.ts';
import { redirectToResult, resultPages } from './result-pages.ts';

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

export function serveResetPasswordPage(app: FastifyInstance, deps: ResetPasswordDeps): void {
  const options = { ...useCookieIfSameOrigin, errorHandler: sendFailure } as const;
  const execute = deps.prepareDocument(document);
  app.get(path, options, async (request, reply) => {
    const link = parseLink(request.query);
    return link ? sendForm(deps, reply, { link }) : sendIncompleteLink(reply);
  });
  app.post(path, options, async (request, reply) => {
    const link = parseLink(request.body);
    if (!link) return sendIncompleteLink(reply);
    const problem = await setPassword(execute, request, link);
    if (!problem) return redirectToResult(reply, resultPages.passwordSet);
    if (problem.code !== 'VALIDATION_FAILED') return sendInvalidLink(reply, 'resetPassword');
    return sendForm(deps, reply, { link, problem });
  });
}

function parseLink(source: unknown): Link | undefined {
  const [uid, token] = [textOf(source, 'uid'), textOf(source, 'token')];
  return uid === undefined || token === undefined ? undefined : { uid, token };
}

function setPassword(execute: ExecuteOperation, request: FastifyRequest, link: Link) {
  const password = textOf(request.body, 'password') ?? '';
  const passwordConfirmation = textOf(request.body, 'passwordConfirmation') ?? '';
  return executeOperation(execute, request, { input: { ...link, password, passwordConfirmation } });
}

/** The form has uid and token, so that the user can try another password. */
async function sendForm(
  { linkOwners, passwordMinLength }: ResetPasswordDeps,
  reply: FastifyReply,
  { link, problem }: { readonly link: Link; readonly problem?: Problem },
): Promise<FastifyReply> {
  const owner = await linkOwners.ownerOfPasswordLink(link.uid, link.token);
  if (!owner) return sendInvalidLink(reply, 'resetPassword');
  const { email, isInvited } = owner;
  const { locale, translate } = textsOf(reply.request);
  const title = translate(`pages.resetPassword.${isInvited ? 'inviteTitle' : 'title'}`);
  const isRejected = problem !== undefined;
  return sendPage(reply, {
    locale,
    status: isRejected ? 400 : 200,
    title,
    tabTitle: isRejected ? translate('pages.errorTitle', { title }) : title,
    body: html`<p>${translate(`pages.resetPassword.${isInvited ? 'inviteBody' : 'body'}`)}</p>
${accountRow(translate('pages.account'), email)}
${passwordForm(translate, { ...link, action: path, email, minLength: passwordMinLength, problem })}`,
  });
}
