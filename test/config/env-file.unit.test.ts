/** The files .env and .env.example, and the frozen result. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { findMisspellings } from '../../src/config/misspelled-variables.ts';
import { variables as declaredVariables } from '../../src/config/variables.ts';
import { admin, faultsOf, production, read, scratch, useConfigFiles } from './environments.ts';

useConfigFiles();

describe('the .env file', () => {
  function directoryWith(text: string | Buffer): string {
    const directory = mkdtempSync(join(scratch, 'env-'));
    writeFileSync(join(directory, '.env'), text);
    return directory;
  }

  test('is read from the directory, and the environment overrides it', () => {
    const directory = directoryWith(
      '# comment\nPORT=5000\nexport REST_PREFIX="/api"\nWORKERS=2 # two\n',
    );
    const config = readConfig({ PORT: '6000', WORKERS: '' }, directory);
    expect(config).toMatchObject({ port: 6000, restPrefix: '/api', workers: 1 });
    expect(config.publicUrl).toBe('http://localhost:6000');
    expect(config.dataDirectory).toBe(join(directory, '.gatehouse'));
    expect(read({}).port).toBe(4000);
  });

  test('is UTF-8, with or without a byte order mark', () => {
    expect(readConfig({}, directoryWith('\ufeffPORT=5000\n')).port).toBe(5000);
    const text = 'NODE_ENV=production\nEMAIL_HOST_PASSWORD=größe\n';
    const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le');
    for (const bytes of [utf16, Buffer.from(utf16).swap16(), Buffer.from(text, 'latin1')]) {
      expect(faultsOf({}, directoryWith(bytes))).toEqual([
        expect.stringMatching(/^\.env is (UTF-16|not UTF-8): save it as UTF-8$/),
      ]);
    }
  });

  test('is refused as a directory, which Docker creates for a missing file that it mounts', () => {
    const directory = mkdtempSync(join(scratch, 'env-'));
    mkdirSync(join(directory, '.env'));
    expect(faultsOf({}, directory)).toEqual(['.env cannot be read: it is a directory']);
    expect(findMisspellings({ SECRETKEY: 'x' }, directory)).toHaveLength(1);
  });

  test('is sufficient in production, and its faults are reported too', () => {
    const lines = Object.entries(production).map(([name, value]) => `${name}=${value}`);
    expect(readConfig({}, directoryWith(lines.join('\n'))).isProduction).toBe(true);
    expect(faultsOf({}, directoryWith('PORT=http\r\nWORKERS=many'))).toHaveLength(2);
  });
});

test.each(['#0a5c36', '"#0a5c36"', " '#0a5c36' ", '  #0A5C36'])(
  'a colour is read from BRAND_COLOR=%s, although # begins a comment',
  (text) => {
    const directory = join(scratch, 'colour');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, '.env'), `PORT=5000\nBRAND_COLOR=${text}\nWORKERS=2 # two\n`);
    const config = readConfig({}, directory);
    expect([config.brand.colors?.light.accent, config.workers]).toEqual(['#0a5c36', 2]);
  },
);

describe('.env.example', () => {
  const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');

  test('has every variable, commented out and with a comment', () => {
    expect(parseEnv(example)).toEqual({});
    const entries = [...example.matchAll(/^# [^\n]{10,}\n#([A-Z0-9_]+)=.*$/gm)].map(
      ([, name]) => name,
    );
    expect(entries.sort()).toEqual(Object.keys(declaredVariables.shape).sort());
  });

  test('has the defaults', () => {
    const uncommented = parseEnv(example.replace(/^#(?=[A-Z0-9_]+=)/gm, ''));
    expect(read(uncommented)).toEqual(read({}));
  });
});

describe('the configuration', () => {
  const config = read({ ...admin, EMAIL_HOST: 'mail.example.com' });

  test('is frozen', () => {
    expect(Object.isFrozen(config)).toBe(true);
  });

  test.each(['mail', 'defaultAdmin', 'allowedHosts', 'corsAllowedOrigins'] as const)(
    'is frozen with its %s',
    (name) => {
      expect(Object.isFrozen(config[name])).toBe(true);
    },
  );
});
