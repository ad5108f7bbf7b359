/** The exact Content-Security-Policy of every kind of response, so that no directive is lost. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { EMAIL_HOST: '' } });
});
afterAll(() => service.close());

const usual = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];
const page = [...usual, "script-src 'self'"];
const documentation = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];
const ide = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "manifest-src 'self'",
  "form-action 'none'",
  "base-uri 'self'",
  "frame-ancestors 'none'",
];
const mail = [
  'sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation',
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  "frame-ancestors 'self'",
];

test.each([
  ['/health/live', usual, 'DENY'],
  ['/nothing', usual, 'DENY'],
  ['/verify-email', page, 'DENY'],
  ['/assets/gatehouse.css', usual, 'DENY'],
  ['/dev/mailbox', usual, 'DENY'],
  ['/dev/mailbox/preview/test/html', mail, 'SAMEORIGIN'],
  ['/docs', documentation, 'DENY'],
  ['/docs/start.js', documentation, 'DENY'],
  ['/docs/static/swagger-ui.css', documentation, 'DENY'],
  ['/graphql/ide/', ide, 'DENY'],
])('%s', async (path, policy, frames) => {
  const { headers } = await fetch(service.address + path);
  const directives = (headers.get('content-security-policy') ?? '').split(/; ?/);
  expect(directives).toEqual(policy);
  expect(Object.fromEntries(headers)).toMatchObject({
    'x-frame-options': frames,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'x-content-type-options': 'nosniff',
  });
});

test('search engines are asked not to index pages', async () => {
  const page = await (await fetch(`${service.address}/verify-email`)).text();
  expect(page).toContain('<meta name="robots" content="noindex">');
});

test('the API documentation sends no description to an external validator', async () => {
  const script = await (await fetch(`${service.address}/docs/start.js`)).text();
  expect(script).toContain('validatorUrl: null');
});
