/** The recipes of docs/verifying-tokens.md, executed as they are. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { canImport, python } from '../support/debian.ts';
import { ownKeyOf, partsOf, sign } from '../support/forge.ts';
import { freePort } from '../support/free-port.ts';
import { installPackages } from '../support/install-packages.ts';
import { somebody } from '../support/people.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { startService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

const folder = fileURLToPath(new URL('./tokens', import.meta.url));

let service: TestService;
let address: string;
let userId: string;
let accessToken: string;
let expiredToken: string;
beforeAll(async () => {
  const port = String(await freePort());
  address = `http://127.0.0.1:${port}`;
  service = await startService({ environment: { PORT: port, PUBLIC_URL: address } });
  ({ userId, accessToken } = await somebody(service));
  const { header, payload } = partsOf(accessToken);
  const exp = Math.floor(Date.now() / 1000) - 600;
  const { privateKey } = await ownKeyOf(service);
  expiredToken = await sign({ header, payload: { ...payload, iat: exp - 300, exp } }, privateKey);
});
afterAll(() => service.close());

function recipe(info: string): string {
  const [block, ...others] = blocksOf('docs/verifying-tokens.md').filter((it) => it.info === info);
  if (!block || others.length > 0) throw new Error(`not one block ${info}`);
  return block.text;
}

describe('an Express application', () => {
  let packages: string;
  let running: ChildProcess | undefined;
  beforeAll(() => {
    packages = installPackages(folder);
  }, 120_000);
  afterAll(() => running?.kill('SIGKILL'));

  test.each(['express', 'passport'])(
    'of the recipe "js %s" greets the user of a token',
    async (name) => {
      const file = join(packages, `recipe-${name}.mjs`);
      await writeFile(file, recipe(`js ${name}`));
      const port = String(await freePort());
      const env = { PATH: process.env.PATH, NODE_ENV: 'test', PORT: port, GATEHOUSE_URL: address };
      running = spawn(process.execPath, [file], { env, stdio: ['ignore', 'ignore', 'inherit'] });
      const get = (token?: string) =>
        fetch(`http://127.0.0.1:${port}/`, {
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        });
      await until(() =>
        get().then(
          () => true,
          () => false,
        ),
      );
      expect(await (await get(accessToken)).text()).toBe(`Hello, ${userId}\n`);
      for (const token of [undefined, expiredToken, `${accessToken.slice(0, -4)}AAAA`]) {
        expect((await get(token)).status).toBe(401);
      }
      running.kill('SIGKILL');
    },
  );
});

/** Runs a script with a token on its standard input, and returns its output. */
async function runPython(args: readonly string[], token: string): Promise<string> {
  const env = { PATH: process.env.PATH, GATEHOUSE_URL: address };
  const running = promisify(execFile)(python, [...args], { env });
  running.child.stdin?.end(token);
  return (await running).stdout.trim();
}

const hasPyJwt = canImport('jwt', 'python3-jwt');
test.skipIf(!hasPyJwt)(
  `PyJWT as in its recipe${hasPyJwt ? '' : ', needs python3-jwt'}`,
  async () => {
    const file = join(makeScratchDirectory('recipes'), 'recipe.py');
    const call = 'import sys\n\ntry:\n    print(user_id_of(sys.stdin.read().strip()))\n';
    await writeFile(
      file,
      `${recipe('python pyjwt')}\n${call}except jwt.PyJWTError as error:\n    print(type(error).__name__)\n`,
    );
    expect(await runPython([file], accessToken)).toBe(userId);
    expect(await runPython([file], expiredToken)).toBe('ExpiredSignatureError');
  },
);

const simplejwt = 'python3-djangorestframework-simplejwt';
const hasSimpleJwt = canImport('rest_framework_simplejwt', simplejwt);
test.skipIf(!hasSimpleJwt)(
  `simplejwt with the settings of its recipe${hasSimpleJwt ? '' : `, needs ${simplejwt}`}`,
  async () => {
    const settings = join(makeScratchDirectory('recipes'), 'settings.py');
    await writeFile(settings, recipe('python django'));
    const script = join(folder, 'django_request.py');
    expect(await runPython([script, settings], accessToken)).toBe(userId);
    expect(await runPython([script, settings], expiredToken)).toBe('401');
  },
);
