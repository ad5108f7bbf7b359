/** The names of the formats, which the help of `import users` lists without loading their readers. */
export const formatNames = [
  'jsonl',
  'csv',
  'django',
  'keycloak',
  'supabase',
  'auth0',
  'firebase',
] as const;

export type FormatName = (typeof formatNames)[number];
