/** Reading exports of Firebase. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openFirebase } from '../../../../src/features/user-import/formats/firebase.ts';
import {
  fieldsOf,
  fixture,
  logsIn,
  readAll,
  readContent,
  refusalOf,
  refusalOfPath,
} from './files.ts';

const file = fixture('import/firebase.json');
const hashConfig = readFileSync(fixture('import/firebase-hash-config.txt'), 'utf8');
const signerKey =
  'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==';

test('a user has the fields of a person', async () => {
  const { people, summary } = await readAll(openFirebase, file, { hashConfig });
  expect(people.map(fieldsOf)).toEqual([
    {
      externalId: 'WkUh1Jp0Qe00',
      email: 'ada@example.com',
      firstName: 'Ada',
      lastName: 'King Noel',
      status: 'ACTIVE',
      passwordHash: `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=${signerKey}$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==`,
      createdAt: new Date(1580000000000),
      lastLoginAt: new Date(1590000000000),
      emailVerifiedAt: new Date(1580000000000),
      metadata: {
        claims: { admin: true },
        phone: '+49301',
        photoUrl: 'https://example.com/ada.png',
      },
    },
    {
      externalId: 'WkUh1Jp0Qe01',
      email: 'bea@example.com',
      firstName: 'Bea',
      status: 'DISABLED',
      createdAt: new Date(1580000000000),
      metadata: { providers: ['google.com'] },
    },
  ]);
  expect(summary?.map(({ field }) => field)).toEqual(['mfaInfo', 'token']);
});

test('the sample of Firebase logs in, with its parameters as text and as JSON', async () => {
  const parameters = {
    algorithm: 'SCRYPT',
    base64_signer_key: signerKey,
    base64_salt_separator: 'Bw==',
    rounds: 8,
    mem_cost: 14,
  };
  const ofApi = {
    algorithm: 'scrypt',
    signerKey,
    saltSeparator: 'Bw==',
    rounds: '8',
    memoryCost: '14',
  };
  const texts = [
    hashConfig,
    JSON.stringify(parameters),
    JSON.stringify({ hash_config: parameters }),
    JSON.stringify({ hashConfig: ofApi }),
    hashConfig.replaceAll('\n', '\r\n'),
  ];
  for (const text of texts) {
    const { people } = await readAll(openFirebase, file, { hashConfig: text });
    expect(logsIn(people[0]?.fields.passwordHash, 'user1password')).toBe(true);
  }
});

test('hashes in base64url become standard base64', async () => {
  const content = readFileSync(file, 'utf8')
    .replace('lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/', 'lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_')
    .replace('"42xEC+ixf3L2lw=="', '"42xEC-ixf3L2lw"');
  const { people } = await readContent(openFirebase, content, { hashConfig });
  expect(logsIn(people[0]?.fields.passwordHash, 'user1password')).toBe(true);
});

test('hashes need the parameters of the project, people without a password do not', async () => {
  const refusal = await refusalOfPath(openFirebase, file);
  expect(refusal).toContain('VALIDATION_FAILED hashConfig: The file has password hashes.');
  const { people } = await readContent(openFirebase, '{"users":[{"localId":"1","email":"a@b.c"}]}');
  expect(people).toHaveLength(1);
});

test.each([
  ['empty', '', 'Must have base64_signer_key'],
  ['without the key', hashConfig.replace(signerKey, ''), 'Must have base64_signer_key'],
  ['of another algorithm', hashConfig.replace('SCRYPT', 'HMAC_SHA256'), 'The algorithm must be'],
  ['with a large cost', hashConfig.replace('14', '14000'), 'Must have base64_signer_key'],
])('parameters that are %s are refused', async (_, text, message) => {
  const refusal = await refusalOfPath(openFirebase, file, { hashConfig: text });
  expect(refusal).toContain(`VALIDATION_FAILED hashConfig: ${message}`);
  expect(refusal).not.toContain('jxspr8');
});

test.each([
  ['CSV', 'WkUh1Jp0Qe00,ada@example.com,true,,,,\n', 'The CSV of Firebase has no header'],
  ['another object', '{"people":[]}', 'The file has no people'],
  ['cut off', readFileSync(file).subarray(0, 700), 'The file is cut off'],
])('a file that is %s is refused', async (_, content, message) => {
  expect(await refusalOf(openFirebase, content, { hashConfig })).toContain(message);
});

test('a user without an id is a fault', async () => {
  const { faults } = await readContent(openFirebase, '{"users":[{"email":"a@example.com"},7]}');
  expect(faults).toEqual([
    { position: 1, message: 'The person has no localId.', email: 'a@example.com' },
    { position: 2, message: 'Is not an object.' },
  ]);
});
