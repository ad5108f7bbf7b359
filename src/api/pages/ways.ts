/** The links between the pages, and those back to the application. They keep an allowed `return_to`. */
import type { FastifyReply } from 'fastify';
import { withReturnTo } from './account/return-to.ts';
import type { Way } from './page.ts';
import { brandOf, textsOf } from './presentation.ts';

export const startPath = '/';
export const signInPath = '/sign-in';
export const signOutPath = '/sign-out';
export const registerPath = '/register';
export const forgotPasswordPath = '/forgot-password';
export const resendPath = '/resend-verification';

type PageWay = (reply: FastifyReply, returnUrl?: string) => Way;

const wayTo =
  (
    path: string,
    key: 'signIn' | 'register' | 'forgotPassword' | 'resetPasswordNow' | 'startPage' | 'resend',
  ): PageWay =>
  ({ request }, returnUrl) => ({
    href: withReturnTo(path, returnUrl),
    label: textsOf(request).translate(`pages.${key}`),
  });

export const resendWay = wayTo(resendPath, 'resend');
export const startWay = wayTo(startPath, 'startPage');
export const signInWay = wayTo(signInPath, 'signIn');
export const registerWay = wayTo(registerPath, 'register');
export const forgotPasswordWay = wayTo(forgotPasswordPath, 'forgotPassword');
export const resetPasswordWay = wayTo(forgotPasswordPath, 'resetPasswordNow');

/** The link to the allowed `return_to` or else to APP_URL. Empty without both. */
export function appWay({ request }: FastifyReply, returnUrl?: string): readonly Way[] {
  const href = returnUrl ?? brandOf(request).appUrl;
  return href === undefined
    ? []
    : [{ href, label: textsOf(request).translate('pages.continueTo') }];
}
