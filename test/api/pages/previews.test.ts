/** Mail previews of the development mailbox. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { previewNames } from '../../../src/mail/templates/previews.ts';
import { openPage, titleOf } from '../../support/page.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { EMAIL_HOST: '' } });
});
afterAll(() => service.close());

const path = '/dev/mailbox/preview';

test('the mailbox lists a preview of every mail in every language', async () => {
  const { html } = await openPage(service, '/dev/mailbox');
  for (const name of previewNames) {
    expect(html).toContain(`href="${path}/${name}?locale=en"`);
    expect(html).toContain(`href="${path}/${name}?locale=es"`);
  }
});

test('a preview shows both parts in the requested language', async () => {
  const page = await openPage(service, `${path}/invite?locale=es`);
  expect(titleOf(page)).toBe('Se ha creado una cuenta en Gatehouse para usted');
  expect(page.html).toMatch(/<pre>[^<]*Token: /);
  const part = /<iframe[^>]*src="([^"]+)"/.exec(page.html)?.[1] ?? '';
  const { html, headers } = await openPage(service, part);
  expect(html).toContain('<html lang="es">');
  expect(headers.get('content-security-policy')).toContain('sandbox');
});

test('a program gets a preview as JSON, and no preview among the mails', async () => {
  const preview = await fetch(`${service.address}${path}/test`);
  expect(await preview.json()).toMatchObject({ data: { subject: 'Gatehouse can send mail' } });
  const mails = await fetch(`${service.address}/dev/mailbox`);
  expect(await mails.json()).toMatchObject({ data: [] });
});

test('an unknown mail has no preview', async () => {
  expect((await openPage(service, `${path}/toString`)).status).toBe(404);
});
