/** Access tokens of the service, verified by published libraries with the keys of its key set. */
import { execFile } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AccessTokenAlgorithm,
  accessTokenAlgorithms,
} from '../../src/crypto/access-token-algorithms.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { canImport, python } from '../support/debian.ts';
import { assemble, ownKeyOf, partsOf, sign } from '../support/forge.ts';
import { freePort } from '../support/free-port.ts';
import { installPackages } from '../support/install-packages.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { somebody, tryLogin } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

const folder = fileURLToPath(new URL('./tokens', import.meta.url));

interface Case {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUri: string;
  readonly algorithms: readonly AccessTokenAlgorithm[];
}

type Verify = (token: string) => Promise<string>;

let database: TestDatabase;
let mail: MailServer;
let service: TestService;
let issuer: string;
let userId: string;
const tokens = new Map<AccessTokenAlgorithm, string>();

/** All keys are in one set, so each library has to find the right one. */
beforeAll(async () => {
  [database, mail] = [await createTestDatabase(), await startMailServer()];
  const port = String(await freePort());
  issuer = `http://127.0.0.1:${port}`;
  let email: string | undefined;
  for (const algorithm of accessTokenAlgorithms) {
    await service?.close();
    const environment = { PORT: port, PUBLIC_URL: issuer, ACCESS_TOKEN_ALGORITHM: algorithm };
    service = await startService({ database, mail, environment });
    if (email === undefined) ({ email, userId } = await somebody(service));
    const { auth, unitOfWork } = service.app;
    await unitOfWork.withEntityManager(() => auth.signingKeys.rotate(0));
    tokens.set(algorithm, (await tryLogin(service, email)).accessToken);
  }
});
afterAll(async () => {
  await service.close();
  await mail.close();
  await database.drop();
});

const caseOf = (algorithm: AccessTokenAlgorithm): Case => ({
  issuer,
  audience: issuer,
  jwksUri: `${issuer}/.well-known/jwks.json`,
  algorithms: [algorithm],
});

const tokenOf = (algorithm: AccessTokenAlgorithm) => tokens.get(algorithm) ?? '';

/** Tokens that a verifier must refuse, by what is wrong with them. */
async function forgeriesOf(algorithm: AccessTokenAlgorithm): Promise<Record<string, string>> {
  const token = tokenOf(algorithm);
  const { header, payload } = partsOf(token);
  const [, , signature = ''] = token.split('.');
  const { privateKey, publicJwk } = await ownKeyOf(service, String(header.kid));
  const other = await generateKeyPair(algorithm);
  const pem = createPublicKey({ key: { ...publicJwk }, format: 'jwk' }).export({
    format: 'pem',
    type: 'spki',
  });
  const past = Math.floor(Date.now() / 1000) - 3600;
  const withOwnKey = (changes: object) =>
    sign({ header, payload: { ...payload, ...changes } }, privateKey);
  return {
    'an expired token': await withOwnKey({ iat: past - 300, exp: past }),
    'a token of another issuer': await withOwnKey({ iss: 'https://auth.example.com' }),
    'a token for another audience': await withOwnKey({ aud: 'https://other.example.com' }),
    'a token that another key signed': await sign({ header, payload }, other.privateKey),
    'a token with a changed user': assemble(
      { header, payload: { ...payload, sub: '01a2241f-0000-7000-8000-000000000000' } },
      signature,
    ),
    'a token of an unknown key': await sign(
      { header: { ...header, kid: 'x' }, payload },
      privateKey,
    ),
    'a token with HS256 and the public key': await sign(
      { header: { ...header, alg: 'HS256' }, payload },
      new Uint8Array(Buffer.from(pem)),
    ),
    'a token without a signature': assemble({ header: { ...header, alg: 'none' }, payload }),
  };
}

/** The forgeries that the verifier accepts. */
async function acceptedOf(verify: Verify, forgeries: Readonly<Record<string, string>>) {
  const accepted: string[] = [];
  for (const [name, token] of Object.entries(forgeries)) {
    await verify(token).then(
      () => accepted.push(name),
      () => undefined,
    );
  }
  return accepted;
}

const common = ['ES256', 'RS256'] as const;
const libraries: Readonly<Record<string, readonly AccessTokenAlgorithm[]>> = {
  'jsonwebtoken with jwks-rsa': common,
  'passport-jwt with jwks-rsa': common,
  'express-oauth2-jwt-bearer (strict)': common,
  'fast-jwt': accessTokenAlgorithms,
  jose: accessTokenAlgorithms,
  oauth4webapi: accessTokenAlgorithms,
};
const rowsOf = (algorithmsByLibrary: typeof libraries) =>
  Object.entries(algorithmsByLibrary).flatMap(([library, algorithms]) =>
    algorithms.map((algorithm) => [library, algorithm] as const),
  );

describe('in Node.js', () => {
  let verifiers: Readonly<Record<string, (of: Case) => Verify | Promise<Verify>>>;
  beforeAll(() => {
    const load = createRequire(`${installPackages(folder)}x.js`);
    verifiers = load('./verifiers.cjs'); // its description has the type
  }, 120_000);

  test.each(rowsOf(libraries))(
    '%s with %s accepts a token of the service and refuses others',
    async (library, algorithm) => {
      const verify = await verifiers[library]?.(caseOf(algorithm));
      if (!verify) throw new Error(`no verifier ${library}`);
      expect(await verify(tokenOf(algorithm))).toBe(userId);
      expect(await acceptedOf(verify, await forgeriesOf(algorithm))).toEqual([]);
      expect(await verify(tokenOf(algorithm))).toBe(userId);
    },
  );
});

const pythonLibraries = {
  PyJWT: { module: 'jwt', debianPackage: 'python3-jwt', algorithms: accessTokenAlgorithms },
  'python-jose': { module: 'jose', debianPackage: 'python3-jose', algorithms: common },
  Authlib: {
    module: 'authlib.jose',
    debianPackage: 'python3-authlib',
    algorithms: accessTokenAlgorithms,
  },
  simplejwt: {
    module: 'rest_framework_simplejwt',
    debianPackage: 'python3-djangorestframework-simplejwt',
    algorithms: common,
  },
} as const satisfies Record<string, object>;

describe.each(Object.entries(pythonLibraries))('in Python %s', (library, source) => {
  const { module, debianPackage, algorithms } = source;
  const isInstalled = canImport(module, debianPackage);
  const reason = isInstalled ? '' : `, needs ${debianPackage}`;

  test.skipIf(!isInstalled).each(algorithms)(
    `with %s accepts a token of the service and refuses others${reason}`,
    async (algorithm) => {
      const forgeries = await forgeriesOf(algorithm);
      const [valid, ...others] = await verifyInPython(library, algorithm, [
        tokenOf(algorithm),
        ...Object.values(forgeries),
      ]);
      expect(valid).toEqual({ userId });
      const refused = Object.keys(forgeries).map((name) => [name, expect.any(String)]);
      expect(Object.keys(forgeries).map((name, index) => [name, others[index]?.refusal])).toEqual(
        refused,
      );
    },
  );
});

interface PythonResult {
  readonly userId?: string;
  readonly refusal?: string;
}

async function verifyInPython(
  library: string,
  algorithm: AccessTokenAlgorithm,
  candidates: readonly string[],
): Promise<readonly PythonResult[]> {
  const running = promisify(execFile)(python, [`${folder}/verify.py`, library]);
  running.child.stdin?.end(JSON.stringify({ ...caseOf(algorithm), tokens: candidates }));
  return JSON.parse((await running).stdout);
}
