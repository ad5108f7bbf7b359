/** The REST routes under `api_keys/`: list the own API keys, create and revoke keys. */
import type { RestRoute } from './route.ts';
import { acknowledgement, body, optionalBody, path, problem } from './route.ts';

const data = {
  id: 'id',
  name: 'name',
  prefix: 'prefix',
  permissions: 'permissions',
  created_at: 'createdAt',
  expires_at: 'expiresAt',
  last_used_at: 'lastUsedAt',
};
const fields = Object.values(data).join(' ');

/** The data of a new key: that of the key, and its secret. */
const newKeyData = {
  ...Object.fromEntries(Object.entries(data).map(([name, field]) => [name, `apiKey.${field}`])),
  secret: 'secret',
};

export const apiKeyRoutes: readonly RestRoute[] = [
  {
    method: 'GET',
    path: '/api_keys/',
    summary: 'List the API keys of the caller',
    needsToken: true,
    params: {},
    document: `query { result: me { apiKeys { ${fields} } } }`,
    success: { status: 200, message: 'List of API keys', data },
    isList: true,
    itemsField: 'apiKeys',
  },
  {
    method: 'POST',
    path: '/api_keys/',
    summary: 'Create an API key of the caller or of a service account',
    needsToken: true,
    params: {
      name: body('input.name'),
      expires_at: optionalBody('input.expiresAt'),
      permissions: optionalBody('input.permissions', 'codes'),
      service_account: optionalBody('input.serviceAccountId'),
    },
    isStrict: true,
    document: `mutation ($input: CreateApiKeyInput!) { result: createApiKey(input: $input) { ... on NewApiKey { secret apiKey { ${fields} } } ${problem} } }`,
    success: { status: 201, message: 'API key created', data: newKeyData },
  },
  {
    method: 'DELETE',
    path: '/api_keys/:id/',
    summary: 'Revoke an API key',
    needsToken: true,
    params: { id: path('id') },
    document: `mutation ($id: ID!) { result: revokeApiKey(id: $id) { ${acknowledgement} } }`,
    success: { status: 204, message: 'API key revoked', data: {} },
  },
];
