/** The pages of the links in mails. They need no JavaScript and no login. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { serveAssets } from './assets.ts';
import {
  cancelEmailChangePage,
  confirmEmailChangePage,
  type PageDeps,
  serveCodePage,
} from './code-pages.ts';
import { type ResetPasswordDeps, serveResetPasswordPage } from './reset-password.ts';
import { sendVerificationPage, serveVerifyEmailPage } from './verify-email.ts';

export function servePages(app: FastifyInstance, deps: ResetPasswordDeps): void {
  serveAssets(app);
  serveVerifyEmailPage(app, deps);
  for (const page of [confirmEmailChangePage, cancelEmailChangePage]) {
    serveCodePage(app, page, deps);
  }
  serveResetPasswordPage(app, deps);
}

/** The page of a verification code, for browsers at the REST URL. */
export function createVerifyPage(deps: Pick<PageDeps, 'linkOwners'>) {
  return (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    sendVerificationPage(deps, request, reply);
}
