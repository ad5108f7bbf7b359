/** Browser and operating system of a User-Agent header. */
import { expect, test } from 'vitest';
import { deviceOf } from '../../src/mail/device.ts';

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)';

test.each([
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Firefox',
    'Windows',
  ],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0`,
    'Microsoft Edge',
    'Windows',
  ],
  [
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${webkit} Chrome/141.0.0.0 Safari/537.36`,
    'Chrome',
    'macOS',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15',
    'Safari',
    'macOS',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1',
    'Safari',
    'iPhone',
  ],
  [
    'Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.0.0 Mobile/15E148 Safari/604.1',
    'Chrome',
    'iPad',
  ],
  [
    `Mozilla/5.0 (Linux; Android 10; K) ${webkit} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36`,
    'Samsung Internet',
    'Android',
  ],
  [
    `Mozilla/5.0 (X11; Linux x86_64) ${webkit} Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0`,
    'Opera',
    'Linux',
  ],
  [
    `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webkit} Chrome/141.0.0.0 Safari/537.36`,
    'Chrome',
    'ChromeOS',
  ],
  ['curl/8.14.1', 'curl', undefined],
  ['okhttp/4.12.0', 'OkHttp', undefined],
  ['python-requests/2.32.5', 'Python', undefined],
  ['node', 'Node.js', undefined],
])('%s is %s on %s', (userAgent, program, system) => {
  expect(deviceOf(userAgent)).toEqual({
    ...(program ? { program } : {}),
    ...(system ? { system } : {}),
  });
});

test.each([
  '',
  'Call +1 555 0100 now',
  'https://evil.example/reset',
  'Firefox',
  'x curl/8',
  '\u202eFirefox',
  `${' '.repeat(500)}Firefox/140.0`,
])('%j is unknown', (userAgent) => {
  expect(deviceOf(userAgent)).toEqual({});
});

test('text around a known name is not part of the result', () => {
  expect(deviceOf('Call 555 Firefox/1.0 https://evil.example (Windows)')).toEqual({
    program: 'Firefox',
    system: 'Windows',
  });
});
