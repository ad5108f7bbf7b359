/**
 * The headers about the caller that a proxy passes on to the application. A value holds printable ASCII only: each
 * other character, and the percent sign, is percent-encoded as UTF-8 (RFC 3986 §2.1). Group names have their commas
 * encoded too, and are joined by commas.
 */
import { type Actor, actorIdOf, groupsOf, limitOf } from '../../core/request-context.ts';

/**
 * The names as in the documentation. A proxy has to overwrite each of them, also those that only some answers have.
 * `X-User-Groups-Omitted` only comes if groups are left out.
 */
export type IdentityHeaders = Readonly<Record<string, string>>;

/** Proxies reserve 4 KiB or 8 KiB for all headers of a response. */
const maxNameBytes = 512;
const maxGroupsBytes = 1024;

export function identityHeaders(actor: Actor): IdentityHeaders {
  return {
    'x-user-id': actorIdOf(actor),
    ...emailHeaders(actor),
    'x-user-name': shortened(nameOf(actor)),
    ...groupHeaders(actor),
  };
}

/** An administrator may set any address, so the application must know whether the user has confirmed it. */
function emailHeaders(actor: Actor): IdentityHeaders {
  if (actor.kind !== 'user') return {};
  return {
    'x-user-email': encode(actor.user.email),
    'x-user-email-verified': String(actor.user.emailVerifiedAt !== null),
  };
}

function nameOf(actor: Actor): string {
  if (actor.kind === 'service-account') return actor.serviceAccount.name;
  return `${actor.user.firstName} ${actor.user.lastName}`.trim();
}

/** Whole names of groups, as many as fit. None for a credential with a limit. */
function groupHeaders(actor: Actor): IdentityHeaders {
  if (limitOf(actor) !== null) return {};
  const groups = groupsOf(actor);
  const names: string[] = [];
  let bytes = 0;
  for (const group of groups) {
    const name = encode(group).replaceAll(',', '%2C');
    bytes += name.length + 1;
    if (bytes <= maxGroupsBytes) names.push(name);
  }
  const omitted = groups.size - names.length;
  return {
    'x-user-groups': names.join(','),
    ...(omitted > 0 ? { 'x-user-groups-omitted': String(omitted) } : {}),
  };
}

/** The beginning of a long name. */
function shortened(name: string): string {
  let short = '';
  for (const character of name) {
    const encoded = encode(character);
    if (short.length + encoded.length > maxNameBytes) break;
    short += encoded;
  }
  return short;
}

function encode(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+|%/g, (part) =>
    part === '%' ? '%25' : encodeURIComponent(part.toWellFormed()),
  );
}
