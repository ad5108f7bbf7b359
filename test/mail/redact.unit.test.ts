/** Redaction of the errors of mail servers, which may quote the mail or the login. */
import { describe, expect, test } from 'vitest';
import { loginSecrets, mailSecrets, redact } from '../../src/mail/redact.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

test('the codes and tokens of a mail are secrets, its other words are not', () => {
  const code = 'Zm9vYmFyYmF6cXV4cXV1eA';
  const text = `Welcome to Gatehouse.\n\nCode: ${code}\nhttps://auth.example.com/verify-email?code=${code}\n\n4F7K-2M9X\n`;
  expect(new Set(mailSecrets({ text }))).toEqual(new Set([code, '4F7K-2M9X']));
});

describe('an error', () => {
  const secret = 'pa55word-of-the-mailer';
  const error = () => {
    const fault = new Error(`535 ${secret} is wrong`);
    fault.stack = `Error: 535 ${secret} is wrong\n    at connect (${secret})`;
    return Object.assign(fault, { response: `535 ${secret} ${secret}` });
  };

  test('loses a secret in its message, its stack and the response of the server', () => {
    const cleaned = redact(error(), [secret]);
    expect(cleaned.message).toBe('535 [secret] is wrong');
    expect(cleaned.stack).toBe('Error: 535 [secret] is wrong\n    at connect ([secret])');
    expect(cleaned).toMatchObject({ response: '535 [secret] [secret]' });
  });

  test('without secrets is unchanged', () => {
    expect(redact(error(), [])).toMatchObject({ message: `535 ${secret} is wrong` });
  });
});

describe('the secrets of a login are redacted as plain text and as sent', () => {
  const user = 'mailer@example.com';

  test('a password', () => {
    const secrets = loginSecrets({ kind: 'password', user, password: 'pa55word' });
    expect(secrets).toEqual([base64(`\0${user}\0pa55word`), base64('pa55word'), 'pa55word']);
  });

  test('an access token', () => {
    const secrets = loginSecrets({ kind: 'access-token', user, accessToken: 'ya29.x' });
    expect(secrets).toEqual([base64(`user=${user}\u0001auth=Bearer ya29.x\u0001\u0001`), 'ya29.x']);
  });

  test('a refresh token, the secret of the client, and the last access token', () => {
    const login = {
      kind: 'refresh-token',
      user,
      tokenUrl: 'https://token.example',
      clientId: 'client',
      clientSecret: 'client secret',
      refreshToken: 'refresh token',
    } as const;
    expect(loginSecrets(login)).toEqual(['refresh token', 'client secret']);
    expect(loginSecrets(login, 'ya29.x')).toEqual(
      expect.arrayContaining(['ya29.x', 'refresh token', 'client secret']),
    );
  });
});
