/** The REST rows under `admin/registrations/`: what waits for its code, and the decision on it. */
import type { RestRoute } from './route.ts';
import { acknowledgement, optionalQuery, path, problem } from './route.ts';

const data = {
  id: 'id',
  email: 'email',
  first_name: 'firstName',
  last_name: 'lastName',
  created_at: 'createdAt',
  expires_at: 'expiresAt',
};
const fields = Object.values(data).join(' ');
const inputs = { id: path('id', 'Id of the registration') };

export function registrationRoutes(user: {
  readonly data: RestRoute['success']['data'];
  /** GraphQL: the fields that `data` needs. */
  readonly fields: string;
}): readonly RestRoute[] {
  return [
    {
      method: 'GET',
      path: '/admin/registrations/',
      summary: 'List the registrations that wait for their codes',
      needsToken: true,
      inputs: {
        limit: optionalQuery('first', 'At most so many; 100 when left out', 'number'),
        cursor: optionalQuery('after', 'Where to go on, from the Link of the page before'),
      },
      defaults: { first: 100 },
      document: `query ($first: Int, $after: String) { result: registrations(first: $first, after: $after) { nodes { ${fields} } pageInfo { hasNextPage endCursor } } }`,
      success: { status: 200, message: 'List of registrations', data },
      isList: true,
    },
    {
      method: 'GET',
      path: '/admin/registrations/:id/',
      summary: 'Read one of the registrations',
      needsToken: true,
      inputs,
      document: `query ($id: ID!) { result: registration(id: $id) { ${fields} } }`,
      success: { status: 200, message: 'Registration', data },
    },
    {
      method: 'DELETE',
      path: '/admin/registrations/:id/',
      summary: 'Delete a registration',
      needsToken: true,
      inputs,
      document: `mutation ($id: ID!) { result: deleteRegistration(id: $id) { ${acknowledgement} } }`,
      success: { status: 204, message: 'Registration removed', data: {} },
    },
    {
      method: 'POST',
      path: '/admin/registrations/:id/confirm/',
      summary: 'Create the account of a registration without its code',
      needsToken: true,
      inputs,
      document: `mutation ($id: ID!) { result: confirmRegistration(id: $id) { ... on User { ${user.fields} } ${problem} } }`,
      success: { status: 200, message: 'Registration confirmed', data: user.data },
    },
  ];
}
