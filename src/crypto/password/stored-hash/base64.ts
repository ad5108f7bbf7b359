/** The base64 of password hashes: with or without padding, and the variant of passlib. */

/** The characters of base64, of its URL-safe variant, and of passlib, which writes `.` instead of `+`. */
export const base64Text = '[A-Za-z0-9+/._-]+={0,2}';

/** Undefined unless the text is complete: unused bits have to be 0, as argon2 demands too. */
export function decodeBase64(text: string): Buffer | undefined {
  const standard = text
    .replace(/=+$/, '')
    .replaceAll('.', '+')
    .replaceAll('-', '+')
    .replaceAll('_', '/');
  const bytes = Buffer.from(standard, 'base64');
  return withoutPadding(bytes) === standard ? bytes : undefined;
}

/** Base64 without padding, as PHC strings have it. */
export function withoutPadding(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}
