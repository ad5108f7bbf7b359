/** scrypt in the forms of PHC strings (passlib) and Django, and Firebase's scheme on top of scrypt. */
import { base64Text, decodeBase64 } from './base64.ts';

/** The parameters of RFC 7914: `cost` is N, `blockSize` r and `parallelization` p. */
export interface ScryptParameters {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
}

export interface ScryptHash {
  readonly scheme: 'scrypt';
  readonly parameters: ScryptParameters;
  readonly salt: Buffer;
  readonly digest: Buffer;
}

/** The digest is the signer key of the Firebase project, encrypted with a key that scrypt derives from the password. */
export interface FirebaseHash {
  readonly scheme: 'firebase-scrypt';
  readonly parameters: ScryptParameters;
  /** The salt of the account, then the salt separator of the project. */
  readonly salt: Buffer;
  readonly signerKey: Buffer;
  readonly digest: Buffer;
}

const phcPattern = new RegExp(
  `^\\$scrypt\\$ln=(?<logarithm>\\d{1,2}),r=(?<r>[1-9]\\d{0,5}),p=(?<p>[1-9]\\d{0,5})` +
    `\\$(?<salt>${base64Text})\\$(?<digest>${base64Text})$`,
);
/** Django since 4.0. The salt is used as it is written. */
const djangoPattern =
  /^scrypt\$(?<n>[1-9]\d{0,9})\$(?<salt>[^$\p{Cc}\p{Cs}]{1,64})\$(?<r>[1-9]\d{0,5})\$(?<p>[1-9]\d{0,5})\$(?<digest>[A-Za-z0-9+/]{86}==)$/u;
/** The notation of Supabase. */
const firebasePattern = new RegExp(
  `^\\$fbscrypt\\$v=1,n=(?<logarithm>\\d{1,2}),r=(?<r>[1-9]\\d{0,5}),p=(?<p>[1-9]\\d{0,5})` +
    `(?:,ss=(?<separator>${base64Text})?)?,sk=(?<signerKey>${base64Text})` +
    `\\$(?<salt>${base64Text})\\$(?<digest>${base64Text})$`,
);

const bytes = { least: 16, most: 128 };

export function readScrypt(hash: string): ScryptHash | undefined {
  const phc = phcPattern.exec(hash)?.groups;
  if (phc) {
    const cost = 2 ** Number(phc.logarithm);
    return scryptHash(phc, { cost, salt: decodeBase64(phc.salt ?? '') });
  }
  const django = djangoPattern.exec(hash)?.groups;
  if (!django) return undefined;
  return scryptHash(django, { cost: Number(django.n), salt: Buffer.from(django.salt ?? '') });
}

type Groups = Readonly<Record<string, string | undefined>>;

function scryptHash(
  groups: Groups,
  { cost, salt }: { readonly cost: number; readonly salt: Buffer | undefined },
): ScryptHash | undefined {
  const digest = decodeBase64(groups.digest ?? '');
  const parameters = parametersOf(groups, cost);
  if (!salt || salt.length > bytes.most || !parameters || !isSized(digest)) return undefined;
  return { scheme: 'scrypt', parameters, salt, digest };
}

export function readFirebase(hash: string): FirebaseHash | undefined {
  const groups = firebasePattern.exec(hash)?.groups;
  if (!groups) return undefined;
  const parameters = parametersOf(groups, 2 ** Number(groups.logarithm));
  const [ownSalt, separator, signerKey, digest] = [
    decodeBase64(groups.salt ?? ''),
    decodeBase64(groups.separator ?? ''),
    decodeBase64(groups.signerKey ?? ''),
    decodeBase64(groups.digest ?? ''),
  ];
  if (!ownSalt || !separator || !parameters) return undefined;
  // The digest is the encrypted signer key, and so as long as the key.
  if (!isSized(signerKey) || !isSized(digest) || signerKey.length !== digest.length)
    return undefined;
  const salt = Buffer.concat([ownSalt, separator]);
  return { scheme: 'firebase-scrypt', parameters, salt, signerKey, digest };
}

/** Undefined for parameters that scrypt forbids (RFC 7914 §6). */
function parametersOf({ r, p }: Groups, cost: number): ScryptParameters | undefined {
  const [blockSize, parallelization] = [Number(r), Number(p)];
  const logarithm = Math.log2(cost);
  if (!Number.isInteger(logarithm) || logarithm < 1 || logarithm >= 16 * blockSize)
    return undefined;
  return { cost, blockSize, parallelization };
}

function isSized(value: Buffer | undefined): value is Buffer {
  return value !== undefined && value.length >= bytes.least && value.length <= bytes.most;
}
