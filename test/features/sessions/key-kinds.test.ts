/** Tokens under the key of another algorithm, tokens with other algorithms, and the audience of tokens. */
import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { accessTokenAlgorithms } from '../../../src/crypto/access-token-algorithms.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { assemble, ownKeyOf, partsOf, sign } from '../../support/forge.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { somebody, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn } from '../../support/session-calls.ts';

let mail: MailServer;
beforeAll(async () => {
  mail = await startMailServer();
});
afterAll(() => mail.close());

const algorithmOf = (token: string) => partsOf(token).header.alg;

describe('with keys of all kinds', () => {
  let database: TestDatabase;
  let service: TestService;
  let email: string;
  const tokens = new Map<string, string>();

  beforeAll(async () => {
    database = await createTestDatabase();
    for (const algorithm of accessTokenAlgorithms) {
      await service?.close();
      const environment = { ACCESS_TOKEN_ALGORITHM: algorithm };
      service = await startService({ database, mail, environment });
      email ??= (await somebody(service)).email;
      const { auth, unitOfWork } = service.app;
      await unitOfWork.withEntityManager(() => auth.signingKeys.rotate(0));
      tokens.set(algorithm, (await tryLogin(service, email)).accessToken);
    }
  });
  afterAll(async () => {
    await service.close();
    await database.drop();
  });

  const tokenOf = (algorithm: string) => tokens.get(algorithm) ?? '';

  test('tokens of each are accepted', async () => {
    for (const [algorithm, token] of tokens) {
      expect([algorithm, algorithmOf(token), await isIn(service, token)]).toEqual([
        algorithm,
        algorithm,
        true,
      ]);
    }
  });

  test.each(accessTokenAlgorithms)(
    'a key for %s verifies no other algorithm',
    async (algorithm) => {
      const { header, payload } = partsOf(tokenOf(algorithm));
      const keyId = String(header.kid);
      const [, , signature = ''] = tokenOf(algorithm).split('.');
      for (const other of accessTokenAlgorithms.filter((each) => each !== algorithm)) {
        const { privateKey } = await ownKeyOf(service, String(partsOf(tokenOf(other)).header.kid));
        const signedByOther = await sign(
          { header: { ...header, alg: other }, payload },
          privateKey,
        );
        expect(await isIn(service, signedByOther)).toBe(false);
        const renamed = assemble({ header: { ...header, alg: other }, payload }, signature);
        expect(await isIn(service, renamed)).toBe(false);
      }
      const { publicJwk } = await ownKeyOf(service, keyId);
      const publicKey = createPublicKey({ key: { ...publicJwk }, format: 'jwk' });
      const secrets = [
        publicKey.export({ format: 'pem', type: 'spki' }),
        publicKey.export({ format: 'der', type: 'spki' }),
        JSON.stringify(publicJwk),
        publicJwk.n ?? publicJwk.x ?? '',
      ].map((secret) => new Uint8Array(Buffer.from(secret)));
      for (const secret of secrets) {
        const forged = await sign({ header: { ...header, alg: 'HS256' }, payload }, secret);
        expect(await isIn(service, forged)).toBe(false);
      }
    },
  );

  test.each([
    'PS256',
    'RS384',
    'RS512',
    'RS1',
    'ES384',
    'ES512',
    'ES256K',
    'Ed25519',
    'Ed448',
    'HS512',
    'none',
    'NONE',
    '',
  ])('the algorithm "%s" is refused with every key', async (alg) => {
    for (const token of tokens.values()) {
      const { header, payload } = partsOf(token);
      const [, , signature = ''] = token.split('.');
      const forged = [signature, '', 'A'.repeat(86), 'A'.repeat(342)].map((it) =>
        assemble({ header: { ...header, alg }, payload }, it),
      );
      for (const each of forged) expect(await isIn(service, each)).toBe(false);
    }
  });

  test.each(accessTokenAlgorithms)('a signature of zeros with %s is refused', async (algorithm) => {
    const parts = partsOf(tokenOf(algorithm));
    for (const bytes of [0, 1, 32, 64, 71, 128, 256, 512]) {
      const zeros = Buffer.alloc(bytes).toString('base64url');
      expect(await isIn(service, assemble(parts, zeros))).toBe(false);
    }
  });
});

describe('ACCESS_TOKEN_AUDIENCE', () => {
  test('is the aud of tokens, which the service accepts, as it does tokens from before the change', async () => {
    const database = await createTestDatabase();
    await using before = await startService({ database, mail });
    const ada = await somebody(before);
    expect(partsOf(ada.accessToken).payload.aud).toBe('http://auth.test');
    const environment = { ACCESS_TOKEN_AUDIENCE: 'https://api.test,http://auth.test' };
    await using both = await startService({ database, mail, environment });
    const { accessToken } = await tryLogin(both, ada.email);
    expect(partsOf(accessToken).payload.aud).toEqual(['https://api.test', 'http://auth.test']);
    await using after = await startService({
      database,
      mail,
      environment: { ACCESS_TOKEN_AUDIENCE: 'https://api.test' },
    });
    const last = await tryLogin(after, ada.email);
    expect(partsOf(last.accessToken).payload.aud).toBe('https://api.test');
    for (const token of [ada.accessToken, accessToken, last.accessToken]) {
      expect([await isIn(both, token), await isIn(after, token)]).toEqual([true, true]);
    }
    expect(await isIn(before, accessToken)).toBe(true);
    expect(await isIn(before, last.accessToken)).toBe(false);
  });
});
