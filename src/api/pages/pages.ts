/** The pages for people: those of the links in mails, and those to register, sign in and sign out. They need no JavaScript. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AccountPageDeps } from './account/account-page.ts';
import { serveMailRequestPages } from './account/mail-request.ts';
import { serveRegisterPage } from './account/register.ts';
import { serveSignInPage } from './account/sign-in.ts';
import { serveSignOutPage } from './account/sign-out.ts';
import { type StartDeps, serveStartPage } from './account/start.ts';
import { serveAssets } from './assets/assets.ts';
import {
  cancelEmailChangePage,
  confirmEmailChangePage,
  type PageDeps,
  serveCodePage,
} from './code-pages.ts';
import { type ResetPasswordDeps, serveResetPasswordPage } from './reset-password.ts';
import { serveResultPages } from './result-pages.ts';
import { sendVerificationPage, serveVerifyEmailPage } from './verify-email.ts';

export function servePages(
  app: FastifyInstance,
  deps: ResetPasswordDeps & AccountPageDeps & StartDeps,
): void {
  serveAssets(app);
  serveVerifyEmailPage(app, deps);
  for (const page of [confirmEmailChangePage, cancelEmailChangePage]) {
    serveCodePage(app, page, deps);
  }
  serveResetPasswordPage(app, deps);
  serveResultPages(app);
  serveStartPage(app, deps);
  serveSignInPage(app, deps);
  serveRegisterPage(app, deps);
  serveMailRequestPages(app, deps);
  serveSignOutPage(app, deps);
}

/** The page of a verification code, for browsers at the REST URL. */
export function createVerifyPage(deps: Pick<PageDeps, 'linkOwners'>) {
  return (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    sendVerificationPage(deps, request, reply);
}
