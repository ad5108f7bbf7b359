/** The administrative mutations over GraphQL. Each returns its outcome: `done`, or the error code. */
import { newName } from './administrators.ts';
import { newAddress } from './people.ts';
import type { TestService } from './service.ts';

export interface MutationResult {
  readonly outcome: string;
  /** The id of the created or changed object; empty if there is none. */
  readonly id: string;
  readonly fields?: readonly { readonly path: string }[];
}

export type By = { readonly accessToken: string };

/** The service may be started later, such as in a hook of the test file. */
export function administrationOf(serviceOf: () => TestService) {
  const mutate = async (by: By, call: string, declared: string, variables: object) => {
    const thing = /^(?:create|update|set)(User|Group|Permission)(?!M)/.exec(call)?.[1];
    const id = thing === undefined ? '' : `... on ${thing} { id }`;
    const document = `mutation (${declared}) {
      result: ${call} { __typename ${id} ... on Problem { code fields { path } } }
    }`;
    const { data, errors } = await serviceOf().graphql(document, variables, by.accessToken);
    const { code, ...result } = data?.result ?? {};
    const outcome = errors?.[0]?.extensions?.code ?? code ?? 'done';
    return {
      id: '',
      ...result,
      outcome: String(outcome),
    } satisfies MutationResult as MutationResult; // of any operation
  };
  const create = (type: string) => (by: By, input: object) =>
    mutate(by, `create${type}(input: $input)`, `$input: Create${type}Input!`, { input });
  const update = (type: string) => (by: By, id: string, input: object) =>
    mutate(by, `update${type}(id: $id, input: $input)`, `$id: ID!, $input: Update${type}Input!`, {
      id,
      input,
    });
  const remove = (operation: string) => (by: By, id: string) =>
    mutate(by, `${operation}(id: $id)`, '$id: ID!', { id });

  return {
    /** With a new address by default. */
    createUser: (by: By, input: object) => create('User')(by, { email: newAddress(), ...input }),
    updateUser: update('User'),
    deactivateUser: remove('deactivateUser'),
    eraseUser: remove('eraseUser'),
    setGroupMembership: (by: By, input: object) =>
      mutate(by, 'setGroupMembership(input: $input)', '$input: SetGroupMembershipInput!', {
        input,
      }),
    resendInvitation: (by: By, userId: string) =>
      mutate(by, 'resendInvitation(userId: $userId)', '$userId: ID!', { userId }),
    confirmRegistration: remove('confirmRegistration'),
    deleteRegistration: remove('deleteRegistration'),
    sendPasswordReset: (by: By, userId: string) =>
      mutate(by, 'sendPasswordReset(userId: $userId)', '$userId: ID!', { userId }),
    revokeUserSessions: (by: By, userId: string) =>
      mutate(by, 'revokeUserSessions(userId: $userId)', '$userId: ID!', { userId }),
    /** With a new name by default. */
    createGroup: (by: By, input: object) => create('Group')(by, { name: newName(), ...input }),
    updateGroup: update('Group'),
    deleteGroup: remove('deleteGroup'),
    createPermission: create('Permission'),
    updatePermission: update('Permission'),
    deletePermission: remove('deletePermission'),
    resetPassword: (by: By, input: object) =>
      mutate(by, 'resetPassword(input: $input)', '$input: ResetPasswordInput!', { input }),
  };
}
