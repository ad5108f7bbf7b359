/** Clients that generators make of the OpenAPI document: their types are strict, and they do the whole journey. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restRoutes } from '../../src/api/rest/routes.ts';
import { blocksOf } from '../docs/pages.ts';
import { newName, superuser } from '../support/administrators.ts';
import { freePort } from '../support/free-port.ts';
import { installPackages } from '../support/install-packages.ts';
import { factOf } from '../support/mail-server.ts';
import { goodPassword, newAddress } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';
import type { Seen, World } from './openapi/clients/world.ts';

const run = promisify(execFile);
const manifest = new URL('./openapi/package.json', import.meta.url);
/** The packages of this test, such as `typescript@5.9.3`. */
const pinned = Object.entries<string>(JSON.parse(readFileSync(manifest, 'utf8')).dependencies).map(
  (dependency) => dependency.join('@'),
);

let service: TestService;
let rootToken: string;
/** The clients, inside of the folder with the packages. */
let clients: string;

beforeAll(async () => {
  service = await startService();
  const packages = installPackages(fileURLToPath(new URL('./openapi', import.meta.url)));
  clients = join(packages, `clients-${process.pid}`);
  cpSync(new URL('./openapi/clients', import.meta.url), clients, { recursive: true });
  rootToken = (await superuser(service)).accessToken;
  await generate(join(packages, 'node_modules/.bin'));
}, 240_000);

afterAll(async () => {
  rmSync(clients, { recursive: true, force: true });
  await service.close();
});

/** A code block of docs/rest.md, with the address of the service. */
function documented(info: string): string {
  const block = blocksOf('docs/rest.md').find((each) => each.info === info);
  if (!block) throw new Error(`no block ${info}`);
  return block.text.replaceAll('http://localhost:4000', service.address);
}

/**
 * Runs the documented commands, all at once, with the programs of `binaries`. Their packages are those that the
 * commands name, and that `npx` would install.
 */
async function generate(binaries: string): Promise<void> {
  writeFileSync(join(clients, 'orval.config.mjs'), documented('js orval'));
  const commands = documented('sh generators').trim().split('\n');
  await Promise.all(
    commands.map((command) => {
      const [, typescript, generator, program = '', text = ''] =
        /^npx -y -p (\S+) -p (\S+) (\S+) (.*)$/.exec(command) ?? [];
      expect(pinned).toEqual(expect.arrayContaining([typescript, generator]));
      const file = join(binaries, program);
      const options = text.split(' ');
      return run(process.execPath, [file, ...options], { cwd: clients });
    }),
  );
}

test('the clients and the journeys have valid types', { timeout: 120_000 }, async () => {
  const compiler = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
  const checked = run(process.execPath, [compiler, '-p', clients]);
  await expect(checked).resolves.toMatchObject({ stdout: '' });
});

test('no value of the clients is unknown', () => {
  /** Headers that the document does not name, the empty object of an acknowledgement, and the keys of `metadata`. */
  const known = /\[(?:name|key): string\]: unknown/;
  for (const file of ['schema.ts', 'hey-api/types.gen.ts', 'orval.ts']) {
    const lines = readFileSync(join(clients, 'generated', file), 'utf8').split('\n');
    const code = lines.filter((line) => !/^\s*(\/?\*|\/\/)/.test(line) && !known.test(line));
    expect(code.length).toBeGreaterThan(1000);
    expect(
      code.filter((line) => /\b(unknown|any)\b/.test(line)),
      file,
    ).toEqual([]);
  }
});

describe('the whole journey', () => {
  type Options = Pick<World, 'address' | 'groupName' | 'isUnpooled'>;

  async function journeyOf(name: string, options: Options): Promise<Seen> {
    const email = newAddress();
    const mails = (count: number) => service.mail.waitFor(email, count);
    const world: World = {
      ...options,
      email,
      password: goodPassword,
      newPassword: 'an entirely new passphrase',
      rootToken,
      verificationCode: async () => factOf((await mails(1)).at(-1), 'Code'),
      async resetLink() {
        for (let count = 2; ; count += 1) {
          const mail = (await mails(count)).find(({ text }) => /^Uid: /m.test(text));
          if (mail) return { uid: factOf(mail, 'Uid'), token: factOf(mail, 'Token') };
        }
      },
    };
    const { journey } = await import(join(clients, `${name}.ts`));
    return journey(world);
  }

  async function expectJourney(name: string, proxy?: string): Promise<void> {
    const groupName = newName();
    const address = proxy ?? service.address;
    const isUnpooled = proxy !== undefined;
    const seen = await journeyOf(name, { address, groupName, isUnpooled });
    expect(seen).toMatchObject({
      refusal: ['VALIDATION_FAILED', 'password'],
      names: ['Ada Lovelace', 'Augusta Lovelace'],
      lastLogin: expect.stringMatching(/Z$/),
      wasRefreshed: true,
      statusAfterLogout: 401,
      group: { name: groupName, permissions: [] },
      codeForStranger: 'FORBIDDEN',
    });
    const [{ count } = { count: '' }] = await service.database.query<{ count: string }>(
      `select count(*) from users where status = 'ACTIVE'`,
    );
    expect(new Set(seen.addresses).size).toBe(Number(count));
    expect(seen.pages).toBe(Math.ceil(Number(count) / 2));
  }

  test('with openapi-fetch', () => expectJourney('openapi-fetch'));
  test('with hey-api', () => expectJourney('hey-api'));
  test('with orval', () => expectJourney('orval'));

  test('through the validating proxy Prism', { timeout: 180_000 }, async () => {
    await using prism = await startPrism(service.address);
    await expectJourney('openapi-fetch', prism.address);
    const invalid = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
    const refused = await fetch(`${prism.address}/auth/login/`, invalid);
    expect([refused.status, await refused.text()]).toEqual([
      422,
      expect.stringContaining('prism/errors'),
    ]);
  });
});

/** Prism refuses every request and every response that the document does not describe. */
async function startPrism(upstream: string): Promise<AsyncDisposable & { address: string }> {
  const packages = installPackages(fileURLToPath(new URL('./openapi-tools', import.meta.url)));
  const document = join(clients, 'openapi.json');
  writeFileSync(document, await (await fetch(`${upstream}/openapi.json`)).text());
  const port = String(await freePort());
  const program = join(packages, 'node_modules/.bin/prism');
  const options = ['proxy', document, upstream, '--errors', '--port', port];
  const prism = spawn(process.execPath, [program, ...options]);
  await new Promise<void>((resolve, reject) => {
    prism.stdout.on('data', (chunk) => {
      if (String(chunk).includes('Prism is listening')) resolve();
    });
    prism.once('exit', () => reject(new Error('Prism ended')));
  });
  return {
    address: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      prism.kill();
      await once(prism, 'exit');
    },
  };
}

test('openapi-to-postmanv2 makes a Postman collection of all routes', async () => {
  const packages = installPackages(fileURLToPath(new URL('./openapi-tools', import.meta.url)));
  const { convert } = createRequire(`${packages}x.js`)('openapi-to-postmanv2');
  const data = await (await fetch(`${service.address}/openapi.json`)).text();
  const converted = await promisify(convert)({ type: 'string', data }, {});
  expect(converted).toMatchObject({ result: true });
  const collection = JSON.stringify(converted.output[0].data);
  expect(collection.split('"request":{').length - 1).toBeGreaterThanOrEqual(restRoutes.length);
  expect(converted.output[0].data.info.name).toBe('Gatehouse REST API');
});
