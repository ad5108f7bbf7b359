/** The SECRET_KEY of tests. The template database was migrated with it, so that its audit chains are signed. */
export const testSecretKey = 'test-only-key-0123456789-abcdefghijklmnop';
