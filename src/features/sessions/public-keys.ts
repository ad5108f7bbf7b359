/** What others have to know of our public keys, and whoever rotates them as well. */

/** Seconds that others may keep our public keys. */
export const publicKeysMaxAgeSeconds = 300;
