/** The patterns of docs/security.md find API keys in text, and nothing else that looks similar. */
import { expect, test } from 'vitest';
import { createApiKeySecret, isWellFormedApiKey } from '../../src/crypto/api-key.ts';
import { blocksOf } from './pages.ts';

const blocks = blocksOf('docs/security.md');
const textOf = (info: string) => blocks.find((block) => block.info === info)?.text ?? '';

const pattern = textOf('regex deploy').trim();
const gitleaks = /regex = '''(.*)'''/.exec(textOf('toml deploy'))?.[1] ?? '';

test.each([
  ['the regular expression', pattern],
  ['the rule of gitleaks', gitleaks],
])('%s finds every generated key', (_name, source) => {
  for (let round = 0; round < 500; round += 1) {
    const { secret } = createApiKeySecret();
    const text = `API_KEY="${secret}"\nAuthorization: Bearer ${secret}; x`;
    expect(text.match(new RegExp(source, 'g'))).toEqual([secret, secret]);
  }
});

test('the pattern finds no shorter and no longer text', () => {
  const { secret, prefix } = createApiKeySecret();
  for (const text of [secret.slice(0, -1), `${secret}a`, `x${secret}`, prefix, 'gk_']) {
    expect(new RegExp(pattern).test(text)).toBe(false);
  }
});

test('the checksum rejects a key with another character', () => {
  const { secret } = createApiKeySecret();
  expect(isWellFormedApiKey(secret)).toBe(true);
  for (let at = 3; at < secret.length; at += 1) {
    const other = secret[at] === 'a' ? 'b' : 'a';
    expect(isWellFormedApiKey(`${secret.slice(0, at)}${other}${secret.slice(at + 1)}`)).toBe(false);
  }
});

test('secrets are different, and their digests and prefixes belong to them', () => {
  const made = Array.from({ length: 100 }, createApiKeySecret);
  expect(new Set(made.map(({ secret }) => secret)).size).toBe(100);
  for (const { secret, prefix, digest } of made) {
    expect(secret.startsWith(prefix)).toBe(true);
    expect([prefix.length, digest.length]).toEqual([11, 32]);
  }
});
