/** Brand and texts: contrast of colours, logos, and the faults of texts that replace built-in ones. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Color, contrastOf } from '../../src/config/color.ts';
import { textsFor } from '../../src/config/presentation.ts';
import { faultsOf, read, scratch, useConfigFiles } from './environments.ts';

useConfigFiles();

describe('BRAND_COLOR', () => {
  test.each(['#0a5c36', '#000000', '#1f4fd8', '#b00020', '#6a1b9a', '#6b6b00'])(
    '%s is readable in light and dark colours',
    (color) => {
      const colors = read({ BRAND_COLOR: color }).brand.colors;
      if (!colors) throw new Error('the colour is set');
      for (const background of ['#ffffff', '#f3f4f8'] as Color[]) {
        expect(contrastOf(colors.light.accent, background)).toBeGreaterThanOrEqual(4.5);
      }
      for (const background of ['#171b24', '#0e1117', '#0b1530'] as Color[]) {
        expect(contrastOf(colors.dark.accent, background)).toBeGreaterThanOrEqual(4.5);
      }
    },
  );

  test('the colour that the message offers is accepted', () => {
    const [fault] = faultsOf({ BRAND_COLOR: '#ffcc00' });
    expect(fault).toContain('1.37:1');
    const offered = /; (#[0-9a-f]{6}) has it/.exec(fault ?? '')?.[1];
    expect(faultsOf({ BRAND_COLOR: offered })).toEqual([]);
  });
});

describe('BRAND_LOGO', () => {
  const logo = (name: string, content: string | Buffer) => {
    writeFileSync(join(scratch, name), content);
    return { BRAND_LOGO: join(scratch, name) };
  };

  test('the content decides, not the name', () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
    expect(read(logo('a.svg', png)).brand.logo?.type).toBe('image/png');
    const svg =
      '<?xml version="1.0"?>\n<!-- made -->\n<svg xmlns="http://www.w3.org/2000/svg"></svg>\n';
    expect(read(logo('b.png', svg)).brand.logo?.type).toBe('image/svg+xml');
    expect(faultsOf(logo('c.svg', '<html><svg></svg></html>'))).toEqual([
      expect.stringMatching(/^BRAND_LOGO must be an SVG or PNG file/),
    ]);
  });

  test('a large file is refused with the limit', () => {
    expect(faultsOf(logo('large.png', Buffer.alloc(256 * 1024 + 1)))).toEqual([
      expect.stringMatching(/^BRAND_LOGO must be at most 256 KiB/),
    ]);
  });
});

describe('TEMPLATES_DIR', () => {
  let count = 0;
  const texts = (files: Readonly<Record<string, unknown>>) => {
    const directory = join(scratch, `texts-${count}`);
    count += 1;
    mkdirSync(directory);
    for (const [name, content] of Object.entries(files)) {
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      writeFileSync(join(directory, name), text);
    }
    return { TEMPLATES_DIR: directory };
  };

  test('its texts replace built-in ones, and may name the product', () => {
    const config = read({
      ...texts({ 'es.json': { mails: { greetingByName: '{{name}}, saludos de {{appName}}' } } }),
      APP_NAME: 'Acme',
    });
    const translate = textsFor(config)('es');
    expect(translate('mails.greetingByName', { name: 'Ada' })).toBe('Ada, saludos de Acme');
    expect(translate('mails.greeting')).toBe('Hola:');
    expect(textsFor(config)('en')('mails.greetingByName', { name: 'Ada' })).toBe('Hello Ada,');
  });

  test('all faults of all files are reported at once, each with its file and key', () => {
    const faults = faultsOf(
      texts({
        'en.json': {
          mails: { greeting: 'Hi {{nam}}', greetings: 'x', footer: 1, unexpected: ' ' },
          pages: { title: '{{supportEmail}}', support: 'Write to {{ supportEmail }}' },
        },
        'es.json': '{',
        'fr.json': {},
      }),
    );
    expect(faults).toEqual([
      'TEMPLATES_DIR en.json: mails.greeting has the unknown variable {{nam}}; it may use {{appName}}, {{appUrl}}, {{supportEmail}}',
      'TEMPLATES_DIR en.json: mails.greetings is no key of the built-in texts',
      'TEMPLATES_DIR en.json: mails.footer must be a text',
      'TEMPLATES_DIR en.json: mails.unexpected must be a text',
      'TEMPLATES_DIR en.json: pages.title is no key of the built-in texts',
      'TEMPLATES_DIR en.json: pages.support uses {{supportEmail}}, which is not set in the environment',
      expect.stringMatching(/^TEMPLATES_DIR es.json is not JSON: /),
      'TEMPLATES_DIR fr.json: only en.json and es.json are read; rename or remove this file',
    ]);
  });
});
