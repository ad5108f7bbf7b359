/** The page behind the link of a verification mail. */
import type { CodePage } from './code-page.ts';

export const verifyEmailPage: CodePage = {
  path: '/verify-email',
  kind: 'verify-email',
  operation: 'verifyEmail',
};
