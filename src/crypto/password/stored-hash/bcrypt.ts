/** bcrypt in its own form, and Django's `bcrypt$` and `bcrypt_sha256$`. */

export interface BcryptHash {
  readonly scheme: 'bcrypt';
  /** The form that starts with `$2`. */
  readonly hash: string;
  /** The binary logarithm of the number of rounds. */
  readonly cost: number;
  /** Whether bcrypt gets the hexadecimal SHA-256 digest of the password. */
  readonly isPrehashed: boolean;
}

/**
 * `$2x$` is missing: it marks hashes of a faulty implementation. The last characters of salt and digest have unused
 * bits, and the library does not verify a hash where one of them is 1.
 */
const pattern =
  /^(?<django>bcrypt_sha256\$|bcrypt\$)?(?<hash>\$2[aby]\$(?<cost>\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26])$/;

export function readBcrypt(text: string): BcryptHash | undefined {
  const groups = pattern.exec(text)?.groups;
  if (!groups) return undefined;
  const { django, hash = '' } = groups;
  const cost = Number(groups.cost);
  if (cost < 4 || cost > 31) return undefined;
  return { scheme: 'bcrypt', hash, cost, isPrehashed: django === 'bcrypt_sha256$' };
}
