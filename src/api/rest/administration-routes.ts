/** The REST routes under `admin/`: list, create, read, update and delete users, groups, permissions and service accounts. */

import { deleteRoute, type Removal } from './delete-route.ts';
import { registrationRoutes } from './registration-routes.ts';
import type { RestParam, RestRoute } from './route.ts';
import {
  acknowledgement,
  body,
  deletion,
  optionalBody,
  optionalQuery,
  pageParams,
  path,
  problem,
} from './route.ts';
import { titleOf, wordsOf } from './type-names.ts';

/** A kind of resource, from which its five routes follow. */
interface Resource {
  /** The name in the path, such as `users`. */
  readonly plural: string;
  /** The GraphQL type, such as `User`. */
  readonly type: string;
  /** Names in `data` with their GraphQL fields. */
  readonly data: Readonly<Record<string, string>>;
  /** The GraphQL fields of `data`. */
  readonly fields: string;
  /** Parameters of the operations that create and update it. */
  readonly params: Readonly<Record<string, RestParam>>;
  /** Further parameters of the operation that creates it. */
  readonly createParams?: Readonly<Record<string, RestParam>>;
  /** Further parameters of the operation that updates it. */
  readonly updateParams?: Readonly<Record<string, RestParam>>;
  /** Filters of the list. */
  readonly filters?: Readonly<Record<string, RestParam>>;
  /** The operation that deletes it, and the selection of its result. */
  readonly removal: Removal;
}

const userResource: Resource = {
  plural: 'users',
  type: 'User',
  data: {
    id: 'id',
    email: 'email',
    username: 'username',
    first_name: 'firstName',
    last_name: 'lastName',
    external_id: 'externalId',
    metadata: 'metadata',
    is_email_verified: 'isEmailVerified',
    is_active: 'isActive',
    is_staff: 'isStaff',
    is_superuser: 'isSuperuser',
    groups: 'groups.id',
    permissions: 'permissions.id',
    created_at: 'createdAt',
    updated_at: 'updatedAt',
    last_login: 'lastLoginAt',
  },
  fields:
    'id email username firstName lastName externalId metadata isEmailVerified isActive isStaff isSuperuser groups { id } permissions { id } createdAt updatedAt lastLoginAt',
  params: {
    email: body('input.email'),
    username: optionalBody('input.username'),
    first_name: optionalBody('input.firstName'),
    last_name: optionalBody('input.lastName'),
    external_id: optionalBody('input.externalId'),
    metadata: optionalBody('input.metadata', 'json'),
    password: optionalBody('input.password'),
    is_staff: optionalBody('input.isStaff', 'flag'),
    is_active: optionalBody('input.isActive', 'flag'),
    groups: optionalBody('input.groupIds', 'ids'),
    permissions: optionalBody('input.permissionIds', 'ids'),
  },
  createParams: { password_hash: optionalBody('input.passwordHash') },
  filters: {
    search: optionalQuery('filter.search'),
    status: optionalQuery('filter.status'),
    is_staff: optionalQuery('filter.isStaff', 'flag'),
    is_superuser: optionalQuery('filter.isSuperuser', 'flag'),
    group: optionalQuery('filter.groupId'),
    external_id: optionalQuery('filter.externalId'),
  },
  removal: {
    operation: 'deactivateUser',
    result: acknowledgement,
    summary: 'Disable a user without deleting the account, or erase a user',
    variant: {
      flag: 'erase',
      description:
        'Whether the user is erased with all personal data (`eraseUser`), which needs `users.erase_user`. By default the user is disabled.',
      operation: 'eraseUser',
      result: deletion,
    },
  },
};

const resources: readonly Resource[] = [
  userResource,
  {
    plural: 'groups',
    type: 'Group',
    data: { id: 'id', name: 'name', description: 'description', permissions: 'permissions.id' },
    fields: 'id name description permissions { id }',
    params: {
      name: body('input.name'),
      description: optionalBody('input.description'),
      permissions: optionalBody('input.permissionIds', 'ids'),
    },
    removal: { operation: 'deleteGroup', result: deletion },
  },
  {
    plural: 'permissions',
    type: 'Permission',
    data: { id: 'id', codename: 'codename', name: 'name' },
    fields: 'id codename name',
    params: {
      codename: body('input.codename'),
      name: body('input.name'),
    },
    removal: { operation: 'deletePermission', result: deletion },
  },
  {
    plural: 'service_accounts',
    type: 'ServiceAccount',
    data: {
      id: 'id',
      client_id: 'clientId',
      name: 'name',
      description: 'description',
      is_active: 'isActive',
      groups: 'groups.id',
      permissions: 'permissions.id',
      created_at: 'createdAt',
      last_used_at: 'lastUsedAt',
    },
    fields:
      'id clientId name description isActive groups { id } permissions { id } createdAt lastUsedAt',
    params: {
      name: body('input.name'),
      description: optionalBody('input.description'),
      groups: optionalBody('input.groupIds', 'ids'),
      permissions: optionalBody('input.permissionIds', 'ids'),
    },
    updateParams: { is_active: optionalBody('input.isActive', 'flag') },
    removal: { operation: 'deleteServiceAccount', result: deletion },
  },
];

export const administrationRoutes: readonly RestRoute[] = [
  ...resources.flatMap(resourceRoutes),
  userActionRoute('password_reset', {
    operation: 'sendPasswordReset',
    summary: 'Mail a password reset link to a user',
    message: 'Password reset sent',
  }),
  userActionRoute('revoke_sessions', {
    operation: 'revokeUserSessions',
    summary: 'Revoke all sessions of a user',
    message: 'Sessions revoked',
  }),
  userActionRoute('invite', {
    operation: 'resendInvitation',
    summary: 'Send the invitation or verification code of a user again',
    message: 'Invitation sent',
  }),
  ...registrationRoutes(userResource),
];

function resourceRoutes(resource: Resource): RestRoute[] {
  const update = updateRoute(resource);
  return [
    listRoute(resource),
    createRoute(resource),
    readRoute(resource),
    { ...update, method: 'PUT' },
    { ...update, method: 'PATCH' },
    deleteRoute(resource),
  ];
}

function listRoute({ plural, type, data, fields, filters = {} }: Resource): RestRoute {
  const isFiltered = Object.keys(filters).length > 0;
  const variables = `$first: Int, $after: String${isFiltered ? `, $filter: ${type}Filter` : ''}`;
  const args = `first: $first, after: $after${isFiltered ? ', filter: $filter' : ''}`;
  return {
    method: 'GET',
    path: `/admin/${plural}/`,
    summary: `List ${wordsOf(type)}s`,
    needsToken: true,
    params: {
      ...pageParams,
      ...filters,
    },
    defaults: { first: 100 },
    document: `query (${variables}) { result: ${fieldOf(type)}s(${args}) { nodes { ${fields} } pageInfo { hasNextPage endCursor } } }`,
    success: { status: 200, message: `List of ${wordsOf(type)}s`, data },
    isList: true,
  };
}

function createRoute(resource: Resource): RestRoute {
  const { plural, type, data, fields, params, createParams = {} } = resource;
  return {
    method: 'POST',
    path: `/admin/${plural}/`,
    summary: `Create a ${wordsOf(type)}`,
    needsToken: true,
    params: { ...params, ...createParams },
    document: `mutation ($input: Create${type}Input!) { result: create${type}(input: $input) { ... on ${type} { ${fields} } ${problem} } }`,
    success: { status: 201, message: `${titleOf(type)} created`, data },
  };
}

function readRoute({ plural, type, data, fields }: Resource): RestRoute {
  return {
    method: 'GET',
    path: `/admin/${plural}/:id/`,
    summary: `Read a ${wordsOf(type)}`,
    needsToken: true,
    params: { id: path('id') },
    document: `query ($id: ID!) { result: ${fieldOf(type)}(id: $id) { ${fields} } }`,
    success: { status: 200, message: titleOf(type), data },
  };
}

/** Missing fields stay unchanged, also with PUT, so that older clients do not erase fields they do not know. */
function updateRoute({
  plural,
  type,
  data,
  fields,
  params,
  updateParams = {},
}: Resource): Omit<RestRoute, 'method'> {
  const optional = Object.entries({ ...params, ...updateParams }).map(([name, each]) => [
    name,
    { ...each, isRequired: false },
  ]);
  return {
    path: `/admin/${plural}/:id/`,
    summary: `Update a ${wordsOf(type)}; missing fields stay unchanged`,
    needsToken: true,
    params: { id: path('id'), ...Object.fromEntries(optional) },
    document: `mutation ($id: ID!, $input: Update${type}Input!) { result: update${type}(id: $id, input: $input) { ... on ${type} { ${fields} } ${problem} } }`,
    success: { status: 200, message: `${titleOf(type)} changed`, data },
  };
}

/** The name of the query of one object. */
function fieldOf(type: string): string {
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}`;
}

/** An action on one user, without a body. */
function userActionRoute(
  name: string,
  {
    operation,
    summary,
    message,
  }: { readonly operation: string; readonly summary: string; readonly message: string },
): RestRoute {
  return {
    method: 'POST',
    path: `/admin/users/:id/${name}/`,
    summary,
    needsToken: true,
    params: { id: path('userId') },
    document: `mutation ($userId: ID!) { result: ${operation}(userId: $userId) { ${acknowledgement} } }`,
    success: { status: 200, message, data: {} },
  };
}
