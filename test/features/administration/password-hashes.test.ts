/** `passwordHash` of createUser: the account logs in with its old password, and no output contains the hash. */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import { type Administrator, staff, superuser } from '../../support/administrators.ts';
import { goodPassword, newAddress, tryLogin } from '../../support/people.ts';
import { quiet, startService, type TestService } from '../../support/service.ts';
import { rowOf } from '../../support/user-rows.ts';

let service: TestService;
let root: Administrator;
beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const { createUser } = administrationOf(() => service);

/** Django's PBKDF2 hash of a password that the policy for new passwords refuses. */
const oldPassword = 'short';
function djangoHash(iterations = 1000): string {
  const salt = randomBytes(12).toString('hex');
  const digest = pbkdf2Sync(oldPassword, salt, iterations, 32, 'sha256').toString('base64');
  return `pbkdf2_sha256$${iterations}$${salt}$${digest}`;
}

const hashOf = async (id: string) => String((await rowOf(service, id))?.password_hash);
const mailsTo = (email: string) => service.mail.mails.filter(({ to }) => to === email);

describe('an account with the hash of another system', () => {
  test('logs in twice with the old password, and has an argon2id hash after the first login', async () => {
    const [email, passwordHash] = [newAddress(), djangoHash()];
    const { id } = await createUser(root, { email, passwordHash, isActive: true });
    expect(await hashOf(id)).toBe(passwordHash);
    expect(await tryLogin(service, email, 'wrong')).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    for (const _ of [1, 2]) {
      const login = await tryLogin(service, email, oldPassword);
      expect(login).toMatchObject({ __typename: 'TokenPair' });
      expect(await hashOf(id)).toMatch(/^\$argon2id\$/);
    }
  });

  test('gets no invitation', async () => {
    const email = newAddress();
    await createUser(root, { email, passwordHash: djangoHash(), isActive: true });
    await quiet(service);
    expect(mailsTo(email)).toEqual([]);
  });

  test.each(['', '!', '!kx3KVfXq'])(
    'the mark %j of an account without a password is no hash: the owner gets an invitation',
    async (passwordHash) => {
      const email = newAddress();
      const { id, outcome } = await createUser(root, { email, passwordHash, isActive: true });
      expect(outcome).toBe('done');
      expect(await hashOf(id)).toBe('null');
      await service.mail.waitFor(email);
    },
  );

  test('is created over REST by staff with users.add_user, in JSON and in a form', async () => {
    const { accessToken: token } = await staff(service, ['users.add_user']);
    for (const as of ['json', 'form']) {
      const [email, hash] = [newAddress(), djangoHash()];
      const fields = { email, password_hash: hash, is_active: 'true' };
      const { status, text } = await service.rest('POST', '/admin/users/', {
        token,
        ...(as === 'json' ? { json: fields } : { form: new URLSearchParams(fields).toString() }),
      });
      expect(status).toBe(201);
      expect(text).not.toContain(hash.slice(-20));
      expect(await tryLogin(service, email, oldPassword)).toMatchObject({
        __typename: 'TokenPair',
      });
    }
  });
});

const document = `mutation ($input: CreateUserInput!) {
  result: createUser(input: $input) { __typename ... on Problem { code fields { path message } } }
}`;

describe('a hash that cannot be taken over', () => {
  const secret = randomBytes(16).toString('hex');
  const refused: readonly (readonly [string, object, RegExp])[] = [
    ['MD5', { passwordHash: `md5$salt$${secret}` }, /too weak.*--allow-weak-hashes/],
    ['an unknown format', { passwordHash: `plain:${secret}` }, /not known.*password reset/],
    ['a cost beyond the bounds', { passwordHash: `pbkdf2_sha256$900000000$s$${secret}` }, /\w/],
    ['a long text', { passwordHash: secret.repeat(40) }, /longer than any hash/],
    ['a password beside it', { passwordHash: djangoHash(), password: goodPassword }, /together/],
  ];

  test.each(refused)('%s: the answer has reason and remedy', async (_what, input, sentence) => {
    const email = newAddress();
    const { data } = await service.graphql(
      document,
      { input: { email, ...input } },
      root.accessToken,
    );
    expect(data.result).toMatchObject({
      code: 'VALIDATION_FAILED',
      fields: [{ path: 'passwordHash', message: expect.stringMatching(sentence) }],
    });
    expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });

  test('no answer, log line, audit entry or mail contains a hash, taken over or refused', async () => {
    const email = newAddress();
    const taken = djangoHash();
    const digest = taken.slice(-24);
    const texts = [
      (await service.graphql(document, { input: { email, passwordHash: taken } }, root.accessToken))
        .text,
    ];
    for (const passwordHash of [
      `plain:${secret}`,
      { a: secret },
      [secret, secret],
      `md5$s$${secret}`,
    ]) {
      const input = { email: newAddress(), passwordHash };
      texts.push((await service.graphql(document, { input }, root.accessToken)).text);
      const json = { email: newAddress(), password_hash: passwordHash };
      texts.push(
        (await service.rest('POST', '/admin/users/', { token: root.accessToken, json })).text,
      );
    }
    await quiet(service);
    const entries = await service.graphql(
      '{ auditEntries(first: 100) { nodes { action before after code } } }',
      {},
      root.accessToken,
    );
    const everything = [
      ...texts,
      ...service.logLines,
      entries.text,
      ...service.mail.mails.map((mail) => JSON.stringify(mail)),
    ].join('\n');
    expect(everything).toContain('user-created');
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(digest);
  });

  test('updateUser has no passwordHash', async () => {
    const { id } = await createUser(root, {});
    const { errors } = await service.graphql(
      'mutation ($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) { __typename } }',
      { id, input: { passwordHash: djangoHash() } },
      root.accessToken,
    );
    expect(errors?.[0]?.message).toContain('passwordHash');
    const { status } = await service.rest('PATCH', `/admin/users/${id}/`, {
      token: root.accessToken,
      json: { password_hash: djangoHash() },
    });
    expect(status).toBe(400);
    expect(await hashOf(id)).toBe('null');
  });
});
