/** The check of `doctor` on password hashes: how many accounts still have one of another system. */
import type { Inspection } from '../../../database/inspect.ts';
import { type Finding, ok } from './finding.ts';

interface SchemeCount {
  readonly scheme: string;
  readonly count: number;
}

/** The condition is that of the index `password_hashes_other_scheme_index`. Unknown text is never printed. */
const countsSql = `
  select coalesce(
      substring(password_hash from '^[$]?(argon2[di]?|argon2_wrapped_md5|argon2_wrapped_sha1|pbkdf2[a-z0-9_-]{0,7}|bcrypt|bcrypt_sha256|2[aby]|scrypt|fbscrypt)[$]'),
      'unusable') as scheme,
    count(*)::int as count
  from password_hashes where left(password_hash, 10) <> '$argon2id$'
  group by 1 order by 2 desc, 1`;

/** No finding if all hashes are of this service. */
export async function checkPasswordHashes({ query }: Inspection): Promise<Finding[]> {
  const counts = await query<SchemeCount>(countsSql);
  if (counts.length === 0) return [];
  const schemes = counts.map(({ scheme, count }) => `${nameOf(scheme)} ${count}`).join(', ');
  const what = `hashes of other systems, which the next login replaces: ${schemes}`;
  return [ok('password hashes', what)];
}

function nameOf(scheme: string): string {
  return /^2[aby]$/.test(scheme) ? `bcrypt $${scheme}$` : scheme;
}
