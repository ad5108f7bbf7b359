/**
 * Groups and roles of Keycloak as groups and permissions. A group has its path as name, because two groups in
 * different places can have the same name. A role is the permission `realm.<role>` or `<client>.<role>`.
 * Source: `GroupRepresentation` and `RolesRepresentation` of https://github.com/keycloak/keycloak.
 */
import { isObject, type SourceObject } from '../reading/records.ts';
import { fileProblem } from '../reading/text-file.ts';
import { firstText, objectsOf, textsOf } from '../reading/values.ts';
import type { SourceGroup, SourcePermission } from '../source.ts';

/** Roles that every realm has, and clients of Keycloak itself: their rights are about Keycloak. */
const ownRoles = /^(offline_access|uma_authorization|default-roles-.+)$/;
const ownClients: ReadonlySet<string> = new Set([
  'account',
  'account-console',
  'admin-cli',
  'broker',
  'realm-management',
  'security-admin-console',
]);

/** The definitions that the file has so far. */
export class KeycloakAccess {
  readonly #groups = new Map<string, SourceGroup>();
  readonly #permissions = new Map<string, string>();
  /** The role of each codename, because several roles must not become one permission. */
  readonly #roles = new Map<string, string>();

  /** Adds `groups` of a realm. A subgroup has the roles of the groups that it is in, as in Keycloak. */
  addGroups(raw: unknown, inherited: readonly string[] = [], parent = ''): void {
    for (const group of objectsOf(raw)) {
      const path = firstText(group.path) ?? `${parent}/${firstText(group.name) ?? ''}`;
      const permissions = [...new Set([...inherited, ...this.permissionsOf(group)])];
      this.#groups.set(path, { name: groupName(path), permissions });
      this.addGroups(group.subGroups, permissions, path);
    }
  }

  /** Adds `roles` of a realm. */
  addRoles(raw: unknown): void {
    if (!isObject(raw)) return;
    for (const role of objectsOf(raw.realm)) this.#addRole('realm', role);
    for (const [client, roles] of Object.entries(isObject(raw.client) ? raw.client : {})) {
      for (const role of objectsOf(roles)) this.#addRole(client, role);
    }
  }

  /** The codenames of the roles of a person or a group. Roles of Keycloak itself are left out. */
  permissionsOf(holder: SourceObject): readonly string[] {
    const ofClients = isObject(holder.clientRoles) ? Object.entries(holder.clientRoles) : [];
    const codenames = [['realm', holder.realmRoles] as const, ...ofClients].flatMap(
      ([client, roles]) =>
        textsOf(roles)
          .filter((role) => !isOwn(client, role))
          .map((role) => this.#codenameOf(client, role)),
    );
    for (const codename of codenames) this.#define(codename, codename);
    return codenames;
  }

  definitions(): { groups: readonly SourceGroup[]; permissions: readonly SourcePermission[] } {
    const permissions = [...this.#permissions].map(([codename, name]) => ({ codename, name }));
    return { groups: [...this.#groups.values()], permissions };
  }

  #addRole(client: string, role: SourceObject): void {
    const name = firstText(role.name);
    if (name === undefined || isOwn(client, name)) return;
    const description = firstText(role.description);
    const isKey = description?.startsWith('${') ?? true; // a key of Keycloak's translations
    const codename = this.#codenameOf(client, name);
    this.#permissions.set(codename, isKey ? codename : (description ?? codename));
  }

  /** Other characters become `_`. A `*` would match other permissions. */
  #codenameOf(client: string, role: string): string {
    const [first, second] = [client, role].map((text) => text.replace(/[^A-Za-z0-9_-]/g, '_'));
    const codename = `${first}.${second}`;
    const other = this.#roles.get(codename);
    if (other !== undefined && other !== `${client}.${role}`) {
      throw fileProblem(`Two roles become the permission ${codename}. Rename one in Keycloak.`);
    }
    this.#roles.set(codename, `${client}.${role}`);
    return codename;
  }

  #define(codename: string, name: string): void {
    if (!this.#permissions.has(codename)) this.#permissions.set(codename, name);
  }
}

/** The name of a group for its path: `sales/europe` for `/sales/europe`. */
export function groupName(path: string): string {
  return path.replace(/^\//, '');
}

function isOwn(client: string, role: string): boolean {
  return client === 'realm' ? ownRoles.test(role) : ownClients.has(client);
}
