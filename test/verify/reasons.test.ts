/** The verifier against a small server with its own keys: kinds of keys, audiences, claims, and the logged reasons. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import {
  createVerifier,
  type VerificationError,
  type Verifier,
  type VerifierOptions,
} from '../../packages/verify/src/verify.ts';
import { until } from '../support/until.ts';

const issuer = 'https://auth.example.com';
const algorithms = ['ES256', 'EdDSA', 'RS256'] as const;
type Algorithm = (typeof algorithms)[number];
const revocations = { key: 'key', maxSilenceSeconds: 0.3 };

const privateKeys = new Map<string, CryptoKey>();
const publicKeys: JWK[] = [];
type Answer = (request: IncomingMessage, response: ServerResponse) => void;
let answerKeys: Answer;
let answerStream: Answer;
let baseUrl: string;

const sendKeys: Answer = (_request, response) => response.end(JSON.stringify({ keys: publicKeys }));
const status =
  (code: number): Answer =>
  (_request, response) =>
    response.writeHead(code).end();
const sendReady: Answer = (_request, response) => response.write('data: {"type":"ready"}\n\n');

const server = createServer((request, response) => {
  if (request.url === '/.well-known/jwks.json') answerKeys(request, response);
  else answerStream(request, response);
});

beforeAll(async () => {
  for (const algorithm of algorithms) {
    const { privateKey, publicKey } = await generateKeyPair(algorithm);
    privateKeys.set(algorithm, privateKey);
    // Without `alg`, so that the kind of the key alone decides.
    publicKeys.push({ ...(await exportJWK(publicKey)), kid: algorithm, use: 'sig' });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listens on TCP
  baseUrl = `http://127.0.0.1:${port}`;
});
const verifiers: Verifier[] = [];
beforeEach(() => {
  for (const verifier of verifiers.splice(0)) verifier.close();
  answerKeys = sendKeys;
  answerStream = status(404);
});
afterAll(() => {
  for (const verifier of verifiers) verifier.close();
  server.closeAllConnections();
  server.close();
});

/** A verifier and the lines of its log. */
function create(options: Partial<VerifierOptions> = {}) {
  const lines: string[] = [];
  const push = (message: string) => void lines.push(message);
  const log = { warn: push, info: push };
  const verifier = createVerifier({ issuer, baseUrl, log, ...options });
  verifiers.push(verifier);
  return { verifier, lines };
}

const codeOf = (verifier: Verifier, token: string) =>
  verifier.verify(token).then(
    () => 'accepted',
    ({ code }: VerificationError) => code,
  );

const seconds = () => Math.floor(Date.now() / 1000);

function signToken(
  claims: Readonly<Record<string, unknown>> = {},
  {
    alg = 'ES256',
    kid = alg,
    typ = 'at+jwt',
  }: { alg?: Algorithm; kid?: string; typ?: string } = {},
) {
  const usual = {
    iss: issuer,
    aud: issuer,
    sub: 'user-1',
    client_id: 'gatehouse',
    jti: 'token-1',
    sid: 'session-1',
    iat: seconds(),
    exp: seconds() + 300,
  };
  const key = privateKeys.get(alg);
  if (!key) throw new Error(`there is no key for ${alg}`);
  return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg, kid, typ }).sign(key);
}

test.each(algorithms)(
  'a token of %s is accepted, and not with a key of another kind',
  async (alg) => {
    const { verifier } = create();
    expect(await codeOf(verifier, await signToken({}, { alg }))).toBe('accepted');
    for (const kid of algorithms.filter((other) => other !== alg))
      expect([kid, await codeOf(verifier, await signToken({}, { alg, kid }))]).toEqual([
        kid,
        'INVALID_TOKEN',
      ]);
  },
);

test('each claim of RFC 9068 and the type are required', async () => {
  const { verifier } = create();
  for (const name of ['iss', 'aud', 'sub', 'client_id', 'jti', 'sid', 'iat', 'exp'])
    expect([name, await codeOf(verifier, await signToken({ [name]: undefined }))]).toEqual([
      name,
      'INVALID_TOKEN',
    ]);
  expect(await codeOf(verifier, await signToken({}, { typ: 'JWT' }))).toBe('INVALID_TOKEN');
});

test('the audience is the issuer, or one of those that the option names', async () => {
  const api = 'https://api.example.com';
  const other = 'https://other.example.com';
  const usual = create().verifier;
  const { verifier: ofApi } = create({ audience: api });
  const { verifier: ofBoth } = create({ audience: [api, issuer] });
  const outcomes = async (aud: unknown) => {
    const token = await signToken({ aud });
    return Promise.all([usual, ofApi, ofBoth].map((each) => codeOf(each, token)));
  };
  expect(await outcomes(issuer)).toEqual(['accepted', 'INVALID_TOKEN', 'accepted']);
  expect(await outcomes([other, api])).toEqual(['INVALID_TOKEN', 'accepted', 'accepted']);
  expect(await outcomes(other)).toEqual(['INVALID_TOKEN', 'INVALID_TOKEN', 'INVALID_TOKEN']);
});

test('the further claims of a token are typed, and others are in claims', async () => {
  const further = {
    email: 'ada@example.com',
    username: 'ada',
    groups: ['Support'],
    permissions: ['shop.view_order'],
  };
  const { verifier } = create();
  const token = await verifier.verify(await signToken({ ...further, amr: ['pwd'] }));
  expect(token).toMatchObject(further);
  expect(token.claims.amr).toEqual(['pwd']);
  const wrong = await verifier.verify(await signToken({ email: 1, groups: 'Support' }));
  expect([wrong.email, wrong.groups]).toEqual([undefined, undefined]);
});

test('keys that cannot be loaded are logged once for each cause, and when they are back', async () => {
  const { verifier, lines } = create();
  const token = await signToken();
  const outcome = async (answer: Answer) => {
    answerKeys = answer;
    return [await codeOf(verifier, token), await codeOf(verifier, token)];
  };
  expect(await outcome(status(404))).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
  expect(await outcome(status(502))).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
  expect(await outcome(sendKeys)).toEqual(['accepted', 'accepted']);
  const problem = '@gatehouse-auth/verify: Tokens are UNAVAILABLE without the public keys';
  expect(lines).toEqual([
    `${problem}: ${baseUrl}/.well-known/jwks.json answers 404.`,
    `${problem}: ${baseUrl}/.well-known/jwks.json answers 502.`,
    '@gatehouse-auth/verify: The public keys are available again.',
  ]);
  const { verifier: unreachable, lines: others } = create({ baseUrl: 'http://127.0.0.1:1' });
  expect(await codeOf(unreachable, token)).toBe('UNAVAILABLE');
  expect(others).toEqual([expect.stringMatching(/127\.0\.0\.1:1\/\S+ cannot be read: .+\.$/)]);
});

test.each([
  ['a wrong key', status(401), /answers 401: `revocations\.key` is not the REVOCATION_FEED_KEY/],
  ['no stream', status(404), /answers 404: REVOCATION_FEED_KEY is not set at Gatehouse/],
  ['too many streams', status(503), /answers 503: Gatehouse has no free stream/],
  ['a silent stream', sendReady, /sent nothing for 0\.3 s/],
] as const)('%s is logged once, and the stream when it is back', async (_what, answer, reason) => {
  answerStream = answer;
  const { verifier, lines } = create({ revocations });
  const token = await signToken();
  await until(async () => lines.some((line) => reason.test(line)));
  expect(await codeOf(verifier, token)).toBe('UNAVAILABLE');
  await expect(verifier.verify(token)).rejects.toThrow(reason);
  const isRepeated = lines.filter((line) => reason.test(line)).length > 1;
  expect([isRepeated && answer !== sendReady, lines[0]]).toEqual([false, expect.anything()]);
  answerStream = (request, response) => {
    sendReady(request, response);
    const beat = setInterval(() => response.write('data: {"type":"heartbeat"}\n\n'), 50);
    response.on('close', () => clearInterval(beat));
  };
  await until(async () => (await codeOf(verifier, token)) === 'accepted');
  expect(lines.at(-1)).toBe('@gatehouse-auth/verify: The revocation stream is available again.');
});

test('a clock that is behind makes tokens UNAVAILABLE', async () => {
  const { verifier, lines } = create();
  const future = await signToken({ iat: seconds() + 120, exp: seconds() + 420 });
  expect(await codeOf(verifier, future)).toBe('UNAVAILABLE');
  expect(lines).toEqual([expect.stringContaining('behind the clock of Gatehouse')]);
  expect(await codeOf(verifier, await signToken())).toBe('accepted');
  expect(lines.at(-1)).toContain('The clock of this machine is right again.');
});

test('a clock that is ahead is logged', async () => {
  answerKeys = (request, response) => {
    response.setHeader('date', new Date(Date.now() - 120_000).toUTCString());
    sendKeys(request, response);
  };
  const { verifier, lines } = create();
  expect(await codeOf(verifier, await signToken({ exp: seconds() - 1 }))).toBe('INVALID_TOKEN');
  expect(lines).toEqual([expect.stringContaining('ahead of the clock of Gatehouse')]);
});

test('without the option log the reasons are on the console', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  try {
    answerKeys = status(404);
    const verifier = createVerifier({ issuer, baseUrl });
    expect(await codeOf(verifier, await signToken())).toBe('UNAVAILABLE');
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('answers 404'));
  } finally {
    warn.mockRestore();
  }
});

test.each([
  [
    'issuer',
    { issuer: 'https://auth.example.com/' },
    /issuer.*"https:\/\/auth.example.com".*example.com\/"/,
  ],
  ['audience', { audience: 'shop' }, /audience.*"https:\/\/auth.example.com".*"shop"/],
] as const)(
  'another %s than that of the tokens is logged, and the cause of the error',
  async (_what, options, reason) => {
    const { verifier, lines } = create(options);
    const error = await verifier.verify(await signToken()).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: 'INVALID_TOKEN', cause: expect.any(Error) });
    await verifier.verify(await signToken()).catch(() => undefined);
    expect(lines).toEqual([expect.stringMatching(reason)]);
  },
);

test('a missing issuer is named', () => {
  expect(() => createVerifier({ issuer: '' })).toThrow('createVerifier needs `issuer`');
});
