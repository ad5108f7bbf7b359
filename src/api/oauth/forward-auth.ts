/**
 * `/forward-auth`, which proxies call before each request to an application: `auth_request` of nginx, ForwardAuth of
 * Traefik, `forward_auth` of Caddy. The decision depends on the credential and on the parameters of the proxy. The
 * headers about the original request are logged only, because a client can send them too.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type FieldProblem, Problem } from '../../core/errors.ts';
import { parseFields, parseLookupName, rejectValue } from '../../core/parse.ts';
import { type Actor, groupsOf, requireActor } from '../../core/request-context.ts';
import { printable } from '../../core/text.ts';
import { holdsPermission } from '../../features/access/access.ts';
import type { Audit } from '../../features/audit/audit.ts';
import { contextOf } from '../http/context.ts';
import { addLogFields } from '../http/request-log.ts';
import { loggedPathOf } from './forwarded-path.ts';
import { identityHeaders } from './identity-headers.ts';

interface Requirements {
  readonly permission: readonly string[];
  readonly group: readonly string[];
}

/**
 * A proxy may pass on the host name of the application. DNS rebinding is no risk: the answer needs a header.
 * A proxy may pass on the method of the request too. A 2xx for a preflight would allow a request without a credential.
 */
const config = {
  format: 'rest',
  acceptsAnyHost: true,
  refusesOptions: true,
  cors: false,
} as const;

export function serveForwardAuth(
  app: FastifyInstance,
  { audit }: { readonly audit: Pick<Audit, 'logDenial'> },
): void {
  app.get('/forward-auth', { config }, async (request, reply) => {
    addLogFields(request, forwardedRequest(request));
    const requirements = parseRequirements(request.query);
    const actor = requireActor(contextOf(request));
    if (!meets(actor, requirements)) {
      audit.logDenial('forward-auth', 'FORBIDDEN');
      throw new Problem('FORBIDDEN');
    }
    return reply.code(204).headers(identityHeaders(actor)).send();
  });
}

/** All permissions and all groups are required. */
function meets(actor: Actor, { permission, group }: Requirements): boolean {
  return (
    permission.every((code) => holdsPermission(actor, code)) &&
    group.every((name) => groupsOf(actor).has(name))
  );
}

const maxValues = 20;

/** @throws VALIDATION_FAILED also for an unknown name, because a misspelt requirement would be lost */
function parseRequirements(query: unknown): Requirements {
  const { permission, group, ...others } = query as Record<string, unknown>; // of the router
  const fields: FieldProblem[] = Object.keys(others).length
    ? [{ path: 'query', message: 'Use the parameters permission and group only.' }]
    : [];
  if (fields.length > 0) throw new Problem('VALIDATION_FAILED', { fields });
  return parseFields({
    permission: () => parseNames(permission),
    group: () => parseNames(group),
  });
}

/** A parameter may be repeated. */
function parseNames(raw: unknown): readonly string[] {
  const values = raw === undefined ? [] : [raw].flat();
  if (values.length > maxValues) rejectValue(`Must not be repeated more than ${maxValues} times.`);
  return values.map(parseLookupName);
}

const maxLoggedCharacters = 200;

/** Method and path of the original request, without the secrets of the path. */
function forwardedRequest({ headers }: FastifyRequest): object {
  const { 'x-forwarded-method': method, 'x-forwarded-uri': uri } = headers;
  return {
    forwardedMethod: method && printable(String(method).slice(0, maxLoggedCharacters)),
    forwardedPath: uri && loggedPathOf(String(uri)),
  };
}
