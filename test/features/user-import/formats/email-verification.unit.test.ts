/** The option `--emails-verified` and what the formats say about addresses. */
import { expect, test } from 'vitest';
import { openAuth0 } from '../../../../src/features/user-import/formats/auth0.ts';
import { openCsv } from '../../../../src/features/user-import/formats/csv.ts';
import { openDjango } from '../../../../src/features/user-import/formats/django.ts';
import { openFirebase } from '../../../../src/features/user-import/formats/firebase.ts';
import { openJsonl } from '../../../../src/features/user-import/formats/jsonl.ts';
import { openKeycloak } from '../../../../src/features/user-import/formats/keycloak.ts';
import { openSupabase } from '../../../../src/features/user-import/formats/supabase.ts';
import type { OpenPeople } from '../../../../src/features/user-import/source.ts';
import { readContent } from './files.ts';

const email = 'ada@example.com';
const json = (value: unknown) => JSON.stringify(value);
const django = (fields: object) =>
  json([
    { model: 'users.user', pk: 1, fields: { password: '!', last_login: null, email, ...fields } },
  ]);

async function verifications(open: OpenPeople, content: string) {
  const results = [];
  for (const isEmailVerified of [false, true]) {
    const { people } = await readContent(open, content, { isEmailVerified });
    const [person] = people;
    const time = person?.fields.emailVerifiedAt;
    results.push(time !== undefined && time !== null);
  }
  return results;
}

const always = [true, true];
const never = [false, false];
/** The file does not say it, so the option decides. */
const byOption = [false, true];

test.each<readonly [string, OpenPeople, string, readonly boolean[]]>([
  ['Keycloak, false', openKeycloak, json([{ email, emailVerified: false }]), never],
  ['Keycloak, true', openKeycloak, json([{ email, emailVerified: true }]), always],
  ['Keycloak, missing', openKeycloak, json([{ email }]), byOption],
  ['Firebase, false', openFirebase, json([{ localId: '1', email, emailVerified: false }]), never],
  ['Firebase, true', openFirebase, json([{ localId: '1', email, emailVerified: true }]), always],
  ['Firebase, missing', openFirebase, json([{ localId: '1', email }]), byOption],
  ['Auth0, false', openAuth0, json({ user_id: 'auth0|1', email, email_verified: false }), never],
  ['Auth0, true', openAuth0, json({ user_id: 'auth0|1', email, email_verified: true }), always],
  ['Auth0, missing', openAuth0, json({ user_id: 'auth0|1', email }), byOption],
  ['Auth0 CSV, false', openAuth0, `user_id,email,email_verified\n1,${email},false\n`, never],
  ['Supabase, null', openSupabase, json([{ id: '1', email, email_confirmed_at: null }]), never],
  ['Supabase CSV, empty', openSupabase, `id,email,email_confirmed_at\n1,${email},\n`, never],
  ['Supabase, missing', openSupabase, json([{ id: '1', email }]), byOption],
  ['JSON Lines, null', openJsonl, json({ email, emailVerifiedAt: null }), never],
  ['JSON Lines, missing', openJsonl, json({ email }), byOption],
  ['CSV, empty', openCsv, `email,email_verified_at\n${email},\n`, never],
  ['CSV, missing', openCsv, `email,username\n${email},ada\n`, byOption],
  ['Django, false', openDjango, django({ email_verified: false }), never],
  ['Django, true', openDjango, django({ is_email_verified: true }), always],
  ['Django, missing', openDjango, django({ is_active: true }), byOption],
  ['Django, inactive', openDjango, django({ is_active: false }), never],
])('%s', async (_name, open, content, expected) => {
  expect(await verifications(open, content)).toEqual(expected);
});
