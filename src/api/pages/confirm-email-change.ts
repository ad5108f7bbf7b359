/** The page behind the link that is mailed to the new address of an account. */
import type { CodePage } from './code-page.ts';

export const confirmEmailChangePage: CodePage = {
  path: '/confirm-email-change',
  operation: 'confirmEmailChange',
};
