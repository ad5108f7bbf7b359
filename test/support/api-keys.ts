/** Service accounts and API keys of tests, by the public operations. */

import { permissionId } from './administrators.ts';
import type { GraphqlAnswer } from './client.ts';
import type { TestService } from './service.ts';

export interface KeyInput {
  readonly name?: string;
  readonly expiresAt?: string;
  readonly permissions?: readonly string[];
  readonly serviceAccountId?: string;
}

export interface Key {
  readonly id: string;
  readonly secret: string;
}

const createKeyDocument = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on NewApiKey { secret apiKey { id name prefix permissions expiresAt lastUsedAt createdAt } }
    ... on Problem { code fields { path message } }
  }
}`;

/** The problem code of a mutation, the code of its top-level error, or `done`. */
export function outcomeOf({ data, errors }: GraphqlAnswer): string {
  const [result] = Object.values(data ?? {}) as { code?: string }[];
  return String(errors?.[0]?.extensions?.code ?? result?.code ?? 'done');
}

export const tryCreateKey = (service: TestService, token: string, input: KeyInput = {}) =>
  service.graphql(createKeyDocument, { input: { name: 'ci', ...input } }, token);

export async function createKey(
  service: TestService,
  token: string,
  input: KeyInput = {},
): Promise<Key> {
  const { data, text } = await tryCreateKey(service, token, input);
  if (data?.createApiKey?.__typename !== 'NewApiKey') throw new Error(text);
  return { id: data.createApiKey.apiKey.id, secret: data.createApiKey.secret };
}

export const revokeKey = (service: TestService, token: string, id: string) =>
  service.graphql(
    `mutation ($id: ID!) {
      revokeApiKey(id: $id) { __typename ... on Problem { code } ... on Acknowledgement { message } }
    }`,
    { id },
    token,
  );

export interface ServiceAccount {
  readonly id: string;
  readonly clientId: string;
}

/** A service account with these permissions. */
export async function createServiceAccount(
  service: TestService,
  token: string,
  {
    permissions = [],
    groupIds = [],
    name = 'robot',
  }: {
    readonly permissions?: readonly string[];
    readonly groupIds?: readonly string[];
    readonly name?: string;
  } = {},
): Promise<ServiceAccount> {
  const permissionIds: string[] = [];
  for (const codename of permissions) permissionIds.push(await permissionId(service, codename));
  const { data, text } = await service.graphql(
    `mutation ($input: CreateServiceAccountInput!) {
      createServiceAccount(input: $input) { __typename ... on ServiceAccount { id clientId } }
    }`,
    { input: { name, permissionIds, groupIds } },
    token,
  );
  if (data?.createServiceAccount?.__typename !== 'ServiceAccount') throw new Error(text);
  return data.createServiceAccount;
}

/** Changes a service account; the result is its outcome. */
export async function updateServiceAccount(
  service: TestService,
  token: string,
  id: string,
  input: object,
): Promise<string> {
  return outcomeOf(
    await service.graphql(
      `mutation ($id: ID!, $input: UpdateServiceAccountInput!) {
        updateServiceAccount(id: $id, input: $input) {
          __typename ... on ServiceAccount { id isActive } ... on Problem { code fields { path } }
        }
      }`,
      { id, input },
      token,
    ),
  );
}

/** Whether the credential has the permission; `refused` when the request fails with 401. */
export async function holds(
  service: TestService,
  token: string,
  permission: string,
): Promise<boolean | 'refused'> {
  const { status, data } = await service.graphql(
    'query ($permission: String!) { hasPermission(permission: $permission) }',
    { permission },
    token,
  );
  return status === 401 ? 'refused' : data?.hasPermission;
}
