/** An error of a page is a page as well, and quotes nothing. */
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { sendFailure } from '../../../src/api/pages/page.ts';
import { addPresentation } from '../../../src/api/pages/presentation.ts';
import { readConfig } from '../../../src/config/config.ts';
import { textsFor } from '../../../src/config/presentation.ts';
import { Problem } from '../../../src/core/errors.ts';
import { titleOf } from '../../support/page.ts';

async function pageOf(error: Error, language = 'en') {
  const app = fastify();
  const config = readConfig({}, import.meta.dirname);
  addPresentation(app, config, textsFor(config));
  app.get('/', { errorHandler: sendFailure }, () => Promise.reject(error));
  const { statusCode, headers, body } = await app.inject({
    url: '/',
    headers: { 'accept-language': language },
  });
  await app.close();
  return { status: statusCode, headers, html: body };
}

test.each([
  ['THROTTLED', 429, 'Too many attempts'],
  ['OVERLOADED', 503, 'Wait a moment'],
] as const)('%s asks the user to try again later', async (code, status, words) => {
  const page = await pageOf(new Problem(code, { retryAfterSeconds: 7 }));
  expect(page).toMatchObject({
    status,
    headers: { 'retry-after': '7', 'cache-control': 'no-store' },
  });
  expect(page.html).toContain(words);
});

test.each([
  ['an unexpected error', new Error('secret detail'), 500],
  ['a problem without a page of its own', new Problem('INTERNAL'), 500],
  ['a body that is too large', Object.assign(new Error('secret detail'), { statusCode: 413 }), 413],
])('%s is shown without details', async (_, error, status) => {
  const page = { ...(await pageOf(error, 'es')), headers: new Headers() };
  expect(page.status).toBe(status);
  expect(titleOf(page)).toBe('Algo ha fallado');
  expect(page.html).not.toContain('secret detail');
});

test('a program with an invalid token gets JSON', async () => {
  const { status, html, headers } = await pageOf(new Problem('UNAUTHENTICATED'));
  expect(status).toBe(401);
  expect(headers['www-authenticate']).toBe('Bearer');
  expect(JSON.parse(html)).toMatchObject({ data: { code: 'UNAUTHENTICATED' } });
});
