/** Variables that contradict or need each other, production, and messages without secrets. */
import { describe, expect, test } from 'vitest';
import { admin, faultsOf, login, production, read, useConfigFiles } from './environments.ts';

useConfigFiles();

describe('faults', () => {
  test('an invalid value does not hide missing and contradictory variables', () => {
    const faults = faultsOf({
      NODE_ENV: 'production',
      PORT: 'http',
      DEFAULT_ADMIN_EMAIL: 'root@example.com',
      EMAIL_HOST_PASSWORD: 'pa55word',
      RATE_LIMITS: 'off',
    }).join('\n');
    const missing = ['SECRET_KEY', 'DATABASE_URL', 'EMAIL_HOST', 'PUBLIC_URL', 'ALLOWED_HOSTS'];
    const unpaired = ['DEFAULT_ADMIN_PASSWORD', 'EMAIL_HOST_USER'];
    for (const name of ['PORT', ...missing, ...unpaired, 'RATE_LIMITS']) {
      expect(faults).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  test('the message for the former name of RATE_LIMITS has the new name', () => {
    expect(faultsOf({ ATTEMPT_BUDGETS: 'on' })).toEqual([
      expect.stringMatching(/^ATTEMPT_BUDGETS .*RATE_LIMITS/),
    ]);
  });

  test('DATABASE_DIRECT_URL needs DATABASE_URL', () => {
    const [fault, ...others] = faultsOf({ DATABASE_DIRECT_URL: 'postgresql://me@db/auth' });
    expect(others).toEqual([]);
    expect(fault).toContain('DATABASE_URL');
  });

  test('no message repeats a secret', () => {
    const environment = {
      SECRET_KEY: 'pa55word',
      DATABASE_URL: 'mysql://root:pa55word@db/auth',
      DEFAULT_ADMIN_PASSWORD: 'pa55word',
      EMAIL_HOST_PASSWORD: 'pa55word',
      PUBLIC_URL: 'https://me:pa55word@auth.example.com',
      PORT: 'http',
    };
    expect(faultsOf(environment).length).toBeGreaterThan(2);
    expect(() => read(environment)).toThrow(/^((?!pa55word)[\s\S])*$/);
  });

  test.each(
    [admin, login].flatMap((pair) => {
      const [one = '', other = ''] = Object.keys(pair);
      return Object.entries(pair).map(([name, value]) => ({ one, other, name, value }));
    }),
  )('$one and $other go together: not $name alone', ({ one, other, name, value }) => {
    const [fault, ...others] = faultsOf({ [name]: value });
    expect(others).toEqual([]);
    for (const each of [one, other, 'both or neither']) expect(fault).toContain(each);
    expect(fault).not.toContain('pa55word');
  });
});

describe('J13: NODE_ENV', () => {
  test.each(['prod', 'Production', ' production', 'production ', 'PRODUCTION', 'staging', 'dev'])(
    '%j is refused, and the allowed values are named',
    (text) => {
      const fault = 'NODE_ENV must be production, development, test or unset';
      expect(faultsOf({ NODE_ENV: text })).toEqual([fault]);
      expect(faultsOf({ ...production, NODE_ENV: text })).toEqual([fault]);
    },
  );

  test.each(['development', 'test', '', undefined])('%j is not production', (text) => {
    expect(read({ NODE_ENV: text })).toMatchObject({ isProduction: false });
  });
});

describe('in production', () => {
  const required = ['SECRET_KEY', 'DATABASE_URL', 'EMAIL_HOST', 'PUBLIC_URL', 'ALLOWED_HOSTS'];

  test('the message names all missing variables at once', () => {
    expect(faultsOf({ NODE_ENV: 'production' })).toEqual(
      required.map((name) => expect.stringMatching(new RegExp(`^${name} must be set`))),
    );
  });

  test.each(required)('%s is required, and an empty text counts as missing', (name) => {
    const fault = [expect.stringMatching(new RegExp(`^${name} must be set`))];
    expect(faultsOf({ ...production, [name]: undefined })).toEqual(fault);
    expect(faultsOf({ ...production, [name]: '' })).toEqual(fault);
  });

  test('these five are sufficient, and DEBUG defaults to False', () => {
    expect(read(production)).toMatchObject({ isProduction: true, debug: false });
    expect(read({ ...production, DEBUG: 'True' })).toMatchObject({ debug: true });
    expect(read({ ...production, NODE_ENV: 'development' })).toMatchObject({
      isProduction: false,
      debug: true,
    });
  });

  test('RATE_LIMITS=off is refused', () => {
    expect(faultsOf({ ...production, RATE_LIMITS: 'off' })).toEqual([
      expect.stringMatching(/^RATE_LIMITS=off .*production/),
    ]);
  });
});
