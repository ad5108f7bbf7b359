/** The pages that links in mails open. They work without a script, and without being logged in. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { serveAssets } from './assets.ts';
import {
  cancelEmailChangePage,
  confirmEmailChangePage,
  type PageDeps,
  serveCodePage,
} from './code-pages.ts';
import { textOf } from './link-operations.ts';
import { type ResetPasswordDeps, serveResetPasswordPage } from './reset-password.ts';
import { sendVerificationForm, serveVerifyEmailPage } from './verify-email.ts';

export function servePages(app: FastifyInstance, parts: ResetPasswordDeps): void {
  serveAssets(app);
  serveVerifyEmailPage(app, parts);
  for (const page of [confirmEmailChangePage, cancelEmailChangePage]) {
    serveCodePage(app, page, parts);
  }
  serveResetPasswordPage(app, parts);
}

/** The page of a verification code, for the REST address that programs use. */
export function createVerifyPage(parts: Pick<PageDeps, 'linkOwners'>) {
  return (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    sendVerificationForm(parts, reply, { code: textOf(request.query, 'code') });
}
