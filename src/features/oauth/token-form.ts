/** The kind of a token by its form. The hint of the client (RFC 7662 §2.1, RFC 7009 §2.1) is not needed. */
import { isApiKey } from '../../crypto/api-key.ts';

export type TokenForm = 'access-token' | 'refresh-token' | 'api-key';

/** Access tokens have dots, API keys a prefix. Any other text is treated as a refresh token. */
export function formOf(token: string): TokenForm {
  if (isApiKey(token)) return 'api-key';
  return token.includes('.') ? 'access-token' : 'refresh-token';
}
