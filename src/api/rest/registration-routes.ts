/** The REST routes under `admin/registrations/`: list, read, delete and confirm registrations. */
import type { RestRoute } from './route.ts';
import { deletion, pageParams, path, problem } from './route.ts';

const data = {
  id: 'id',
  email: 'email',
  first_name: 'firstName',
  last_name: 'lastName',
  created_at: 'createdAt',
  expires_at: 'expiresAt',
};
const fields = Object.values(data).join(' ');
const params = { id: path('id') };

export function registrationRoutes(user: {
  readonly data: RestRoute['success']['data'];
  /** The GraphQL fields of `data`. */
  readonly fields: string;
}): readonly RestRoute[] {
  return [
    {
      method: 'GET',
      path: '/admin/registrations/',
      summary: 'List the pending registrations',
      needsToken: true,
      params: pageParams,
      defaults: { first: 100 },
      document: `query ($first: Int, $after: String) { result: registrations(first: $first, after: $after) { nodes { ${fields} } pageInfo { hasNextPage endCursor } } }`,
      success: { status: 200, message: 'List of registrations', data },
      isList: true,
    },
    {
      method: 'GET',
      path: '/admin/registrations/:id/',
      summary: 'Read a registration',
      needsToken: true,
      params,
      document: `query ($id: ID!) { result: registration(id: $id) { ${fields} } }`,
      success: { status: 200, message: 'Registration', data },
    },
    {
      method: 'DELETE',
      path: '/admin/registrations/:id/',
      summary: 'Delete a registration',
      needsToken: true,
      params,
      document: `mutation ($id: ID!) { result: deleteRegistration(id: $id) { ${deletion} } }`,
      success: { status: 204, message: 'Registration removed', data: {} },
    },
    {
      method: 'POST',
      path: '/admin/registrations/:id/confirm/',
      summary: 'Create the account of a registration without its code',
      needsToken: true,
      params,
      document: `mutation ($id: ID!) { result: confirmRegistration(id: $id) { ... on User { ${user.fields} } ${problem} } }`,
      success: { status: 200, message: 'Registration confirmed', data: user.data },
    },
  ];
}
