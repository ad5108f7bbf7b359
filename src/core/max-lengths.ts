/** The maximum length of each kind of text in code points, for the parsers and the OpenAPI document. */
export const maxLengths = {
  email: 254,
  username: 150,
  externalId: 255,
  personName: 150,
  /** The name of a group or of a permission. */
  name: 150,
  codename: 150,
  description: 1000,
  locale: 35,
  search: 100,
  password: 256,
  /** A one-time code or token that a person pastes, or a refresh token. */
  pastedSecret: 512,
} as const;

/** The maximum length of the metadata of a user as JSON, in bytes of UTF-8. */
export const maxMetadataBytes = 8192;

/** The maximum number of ids in a list. */
export const maxListLength = 1000;
