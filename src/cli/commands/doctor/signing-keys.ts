/** The checks of `doctor` on the signing keys: their seal, their age and their algorithm. */
import type { Config } from '../../../config/config.ts';
import { algorithmOfJwk, type PublicJwk } from '../../../crypto/access-token-keys.ts';
import { findStoredSecretKey } from '../../../crypto/keys.ts';
import type { Inspection } from '../../../database/inspect.ts';
import { opensWith } from '../../../features/sessions/signing-key-rows.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const check = 'signing keys';
const keyMaxAgeDays = 365;

interface KeyRow {
  readonly id: string;
  readonly sealed: Buffer;
  readonly jwk: PublicJwk;
  /** Since its first signature; negative for a key that does not sign yet. */
  readonly days: number;
}

export async function checkKeys({ query }: Inspection, config: Config): Promise<Finding> {
  const rows = await query<KeyRow>(
    `select id, sealed_private_key as sealed, public_jwk as jwk,
       extract(epoch from now() - signs_from)::float8 / 86400 as days
     from signing_keys order by signs_from desc, id desc`,
  );
  const [newest] = rows;
  if (!newest) return ok(check, 'the first key is created at the first start');
  const secretKey = config.secretKey ?? (await findStoredSecretKey(config.dataDirectory));
  const isReadable = ({ id, sealed }: KeyRow) =>
    secretKey !== undefined && opensWith(secretKey, { id, sealedPrivateKey: sealed });
  if (!rows.every(isReadable)) {
    const what = 'SECRET_KEY is not the key of this database';
    return fail(check, what, 'set the previous SECRET_KEY again');
  }
  const present = rows.find(({ days }) => days >= 0) ?? newest;
  return checkAlgorithm(newest, config) ?? checkAge(present, rows.length);
}

/** A finding if no start has published a key of the configured kind. */
function checkAlgorithm({ jwk }: KeyRow, { accessTokenAlgorithm }: Config): Finding | undefined {
  const algorithm = algorithmOfJwk(jwk);
  if (algorithm === accessTokenAlgorithm) return undefined;
  const what = `the newest key is for ${algorithm}, but ACCESS_TOKEN_ALGORITHM is ${accessTokenAlgorithm}`;
  return warn(check, what, 'restart the server, which publishes a key for it');
}

function checkAge({ days, jwk }: KeyRow, count: number): Finding {
  const what = `${count} readable with SECRET_KEY; the present key (${algorithmOfJwk(jwk)}) is ${Math.floor(days)} days old`;
  return days > keyMaxAgeDays ? warn(check, what, 'npx gatehouse keys rotate') : ok(check, what);
}
