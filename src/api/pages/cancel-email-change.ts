/** The page behind the link by which the present address of an account stops a change. */
import type { CodePage } from './code-page.ts';

export const cancelEmailChangePage: CodePage = {
  path: '/cancel-email-change',
  operation: 'cancelEmailChange',
};
