/** The REST rows under `admin/`: users, groups and permissions, each listed, read, made, changed, removed. */

import { registrationRoutes } from './registration-routes.ts';
import type { RestInput, RestRoute } from './route.ts';
import { acknowledgement, body, optionalBody, optionalQuery, path, problem } from './route.ts';

/** What the rows of one kind of thing are made from. */
interface Thing {
  /** As the path has it, such as `users`. */
  readonly plural: string;
  /** As GraphQL has it, such as `User`. */
  readonly type: string;
  /** Names in `data`, and the fields that they come from. */
  readonly data: Readonly<Record<string, string>>;
  /** GraphQL: the fields that `data` needs. */
  readonly fields: string;
  /** Inputs of the operation that makes one. */
  readonly inputs: Readonly<Record<string, RestInput>>;
  /** Filters of the list. */
  readonly filters?: Readonly<Record<string, RestInput>>;
  /** The operation that removes one. */
  readonly removal: string;
}

const userThing: Thing = {
  plural: 'users',
  type: 'User',
  data: {
    id: 'id',
    email: 'email',
    username: 'username',
    first_name: 'firstName',
    last_name: 'lastName',
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
    'id email username firstName lastName isEmailVerified isActive isStaff isSuperuser groups { id } permissions { id } createdAt updatedAt lastLoginAt',
  inputs: {
    email: body('input.email', 'Unique address'),
    username: optionalBody('input.username', 'Unique name to log in with'),
    first_name: optionalBody('input.firstName', 'Given name'),
    last_name: optionalBody('input.lastName', 'Family name'),
    password: optionalBody('input.password', 'Password; without one the owner is invited'),
    is_staff: optionalBody('input.isStaff', 'Whether the person may administer', 'flag'),
    is_active: optionalBody('input.isActive', 'Whether the account is in use', 'flag'),
    groups: optionalBody('input.groupIds', 'Ids of every group of the person', 'ids'),
    permissions: optionalBody('input.permissionIds', 'Ids of every direct grant', 'ids'),
  },
  filters: {
    search: optionalQuery('filter.search', 'Part of address, username or name'),
    status: optionalQuery('filter.status', 'PENDING, ACTIVE or DISABLED'),
    is_staff: optionalQuery('filter.isStaff', 'true or false', 'flag'),
    is_superuser: optionalQuery('filter.isSuperuser', 'true or false', 'flag'),
    group: optionalQuery('filter.groupId', 'Id of a group the person is in'),
  },
  removal: 'deactivateUser',
};

const things: readonly Thing[] = [
  userThing,
  {
    plural: 'groups',
    type: 'Group',
    data: { id: 'id', name: 'name', description: 'description', permissions: 'permissions.id' },
    fields: 'id name description permissions { id }',
    inputs: {
      name: body('input.name', 'Unique name'),
      description: optionalBody('input.description', 'What the group is for'),
      permissions: optionalBody('input.permissionIds', 'Ids of every permission of it', 'ids'),
    },
    removal: 'deleteGroup',
  },
  {
    plural: 'permissions',
    type: 'Permission',
    data: { id: 'id', codename: 'codename', name: 'name' },
    fields: 'id codename name',
    inputs: {
      codename: body('input.codename', 'Unique code, such as shop.view_order'),
      name: body('input.name', 'What it is called for people'),
    },
    removal: 'deletePermission',
  },
];

export const administrationRoutes: readonly RestRoute[] = [
  ...things.flatMap(rowsOf),
  rowOfUserAction('password_reset', {
    operation: 'sendPasswordReset',
    summary: 'Mail a user a link to choose a new password',
    message: 'Password reset sent',
  }),
  rowOfUserAction('revoke_sessions', {
    operation: 'revokeUserSessions',
    summary: 'End every session of a user',
    message: 'Sessions revoked',
  }),
  rowOfUserAction('invite', {
    operation: 'resendInvitation',
    summary: 'Mail the invitation or verification code of a user again',
    message: 'Invitation sent',
  }),
  ...registrationRoutes(userThing),
];

function rowsOf(thing: Thing): RestRoute[] {
  const change = rowOfChange(thing);
  return [
    rowOfList(thing),
    rowOfCreation(thing),
    rowOfReading(thing),
    { ...change, method: 'PUT' },
    { ...change, method: 'PATCH' },
    rowOfRemoval(thing),
  ];
}

function rowOfList({ plural, type, data, fields, filters = {} }: Thing): RestRoute {
  const isFiltered = Object.keys(filters).length > 0;
  const variables = `$first: Int, $after: String${isFiltered ? `, $filter: ${type}Filter` : ''}`;
  const given = `first: $first, after: $after${isFiltered ? ', filter: $filter' : ''}`;
  return {
    method: 'GET',
    path: `/admin/${plural}/`,
    summary: `List ${plural}`,
    needsToken: true,
    inputs: {
      limit: optionalQuery('first', 'At most so many; 100 when left out', 'number'),
      cursor: optionalQuery('after', 'Where to go on, from the Link of the page before'),
      ...filters,
    },
    defaults: { first: 100 },
    document: `query (${variables}) { result: ${plural}(${given}) { nodes { ${fields} } pageInfo { hasNextPage endCursor } } }`,
    success: { status: 200, message: `List of ${plural}`, data },
    isList: true,
  };
}

function rowOfCreation({ plural, type, data, fields, inputs }: Thing): RestRoute {
  return {
    method: 'POST',
    path: `/admin/${plural}/`,
    summary: `Make one of the ${plural}`,
    needsToken: true,
    inputs,
    document: `mutation ($input: Create${type}Input!) { result: create${type}(input: $input) { ... on ${type} { ${fields} } ${problem} } }`,
    success: { status: 201, message: `${type} created`, data },
  };
}

function rowOfReading({ plural, type, data, fields }: Thing): RestRoute {
  return {
    method: 'GET',
    path: `/admin/${plural}/:id/`,
    summary: `Read one of the ${plural}`,
    needsToken: true,
    inputs: { id: path('id', `Id of the ${type.toLowerCase()}`) },
    document: `query ($id: ID!) { result: ${type.toLowerCase()}(id: $id) { ${fields} } }`,
    success: { status: 200, message: type, data },
  };
}

/** What is left out stays as it is, with PUT too: nobody loses what an older client does not know. */
function rowOfChange({ plural, type, data, fields, inputs }: Thing): Omit<RestRoute, 'method'> {
  const optional = Object.entries(inputs).map(([name, each]) => [
    name,
    { ...each, isRequired: false },
  ]);
  return {
    path: `/admin/${plural}/:id/`,
    summary: `Change one of the ${plural}; what is left out stays as it is`,
    needsToken: true,
    inputs: { id: path('id', `Id of the ${type.toLowerCase()}`), ...Object.fromEntries(optional) },
    document: `mutation ($id: ID!, $input: Update${type}Input!) { result: update${type}(id: $id, input: $input) { ... on ${type} { ${fields} } ${problem} } }`,
    success: { status: 200, message: `${type} changed`, data },
  };
}

function rowOfRemoval({ plural, type, removal }: Thing): RestRoute {
  return {
    method: 'DELETE',
    path: `/admin/${plural}/:id/`,
    summary:
      removal === 'deactivateUser'
        ? 'Disable a user; the row stays'
        : `Delete a ${type.toLowerCase()}`,
    needsToken: true,
    inputs: { id: path('id', `Id of the ${type.toLowerCase()}`) },
    document: `mutation ($id: ID!) { result: ${removal}(id: $id) { ${acknowledgement} } }`,
    success: { status: 204, message: `${type} removed`, data: {} },
  };
}

/** Something to be done for one user, without a body. */
function rowOfUserAction(
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
    inputs: { id: path('userId', 'Id of the user') },
    document: `mutation ($userId: ID!) { result: ${operation}(userId: $userId) { ${acknowledgement} } }`,
    success: { status: 200, message, data: {} },
  };
}
