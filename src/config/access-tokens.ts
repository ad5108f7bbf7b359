/** The values of the variables for access tokens: `ACCESS_TOKEN_AUDIENCE` and `ACCESS_TOKEN_CLAIMS`. */
import { z } from 'zod';
import { list } from './values.ts';

/** The claims beyond RFC 9068 that an operator can add. */
export const accessTokenClaims = ['email', 'username', 'groups', 'permissions', 'hasura'] as const;
export type AccessTokenClaim = (typeof accessTokenClaims)[number];

/** Characters of the claim, so that every token has room for the others. */
const maxAudienceLength = 1000;

const audience = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'must list identifiers without spaces, such as https://api.example.com');

export const audiences = list
  .pipe(z.array(audience).min(1, 'must name an audience, such as https://api.example.com'))
  .transform((items) => [...new Set(items)])
  .refine(
    (items) => JSON.stringify(items).length <= maxAudienceLength,
    `must be ${maxAudienceLength} characters at most, as JSON`,
  );

export const claims = list
  .pipe(z.array(z.enum(accessTokenClaims, `must list any of ${accessTokenClaims.join(', ')}`)))
  .transform((items) => [...new Set(items)]);
