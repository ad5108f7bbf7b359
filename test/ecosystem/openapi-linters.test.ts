/** The rules that Redocly and Spectral recommend find no fault in the OpenAPI document. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { installPackages } from '../support/install-packages.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { startService } from '../support/service.ts';

/** The document as JSON; errors and warnings as `rule: message`. */
type Lint = (document: string) => Promise<string[]>;

let load: NodeJS.Require;

beforeAll(() => {
  const folder = fileURLToPath(new URL('./openapi', import.meta.url));
  load = createRequire(`${installPackages(folder)}x.js`);
}, 240_000);

const redocly: Lint = async (document) => {
  const { lint, createConfig } = load('@redocly/openapi-core');
  const ref = join(makeScratchDirectory('redocly'), 'openapi.json');
  writeFileSync(ref, document);
  const config = await createConfig({
    extends: ['recommended'],
    rules: { 'no-path-trailing-slash': 'off' },
  });
  const problems: readonly { ruleId: string; message: string }[] = await lint({ ref, config });
  return problems.map(({ ruleId, message }) => `${ruleId}: ${message}`);
};

const spectral: Lint = async (document) => {
  const { Spectral } = load('@stoplight/spectral-core');
  const { oas } = load('@stoplight/spectral-rulesets');
  const linter = new Spectral();
  linter.setRuleset({
    extends: [[oas, 'recommended']],
    rules: { 'path-keys-no-trailing-slash': 'off' },
  });
  const problems: readonly { code: string; message: string }[] = await linter.run(
    JSON.parse(document),
  );
  return problems.map(({ code, message }) => `${code}: ${message}`);
};

async function documentOf(publicUrl: string): Promise<string> {
  await using service = await startService({ environment: { PUBLIC_URL: publicUrl } });
  return (await fetch(`${service.address}/openapi.json`)).text();
}

const timeoutMs = 120_000;

test('Redocly finds no error and no warning', { timeout: timeoutMs }, async () => {
  for (const url of ['https://auth.company.test', 'http://localhost:4000']) {
    expect(await redocly(await documentOf(url))).toEqual([]);
  }
});

test('Spectral finds no error and no warning', { timeout: timeoutMs }, async () => {
  expect(await spectral(await documentOf('http://localhost:4000'))).toEqual([]);
});

test('both find an operation without an id', { timeout: timeoutMs }, async () => {
  const paths = { '/a/': { get: { responses: { 200: { description: 'Done.' } } } } };
  const document = JSON.stringify({ openapi: '3.1.0', info: { title: 'A', version: '1' }, paths });
  expect((await redocly(document)).join()).toContain('operation-operationId: ');
  expect((await spectral(document)).join()).toContain('operation-operationId: ');
});
