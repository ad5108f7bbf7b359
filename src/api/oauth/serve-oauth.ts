/** Serves the OAuth endpoints: reads the parameters, calls the service, sends the response. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { OAuthModule } from '../../features/oauth/oauth.module.ts';
import { invalidRequest } from '../../features/oauth/oauth-errors.ts';
import { acceptsJson } from '../http/content-negotiation.ts';
import { contextOf } from '../http/context.ts';
import { setErrorCode } from '../http/request-log.ts';
import { HttpError, oauthPrefix, toProblem } from '../http/responses.ts';
import { type MetadataDeps, serveMetadata } from './metadata.ts';
import { clientOf, parametersOf, required } from './parameters.ts';

type Endpoint = (request: FastifyRequest) => Promise<object>;

export function serveOAuth(
  app: FastifyInstance,
  deps: MetadataDeps & { readonly oauth: OAuthModule },
): void {
  const { tokenGrants, introspection, revocation } = deps.oauth;
  serveMetadata(app, deps);
  serveEndpoint(app, 'token', (request) => {
    const parameters = parametersOf(request);
    return tokenGrants.grant({
      client: clientOf(request, parameters),
      grantType: parameters.get('grant_type'),
      refreshToken: parameters.get('refresh_token'),
      scope: parameters.get('scope'),
    });
  });
  serveEndpoint(app, 'introspect', (request) => {
    const parameters = parametersOf(request);
    const client = clientOf(request, parameters);
    const context = contextOf(request);
    if (client && (context.actor || context.isTokenRejected)) {
      throw invalidRequest('Use one method of client authentication.');
    }
    return introspection.introspect(parameters.get('token'), { client, context });
  });
  serveEndpoint(app, 'revoke', async (request) => {
    const parameters = parametersOf(request);
    const client = clientOf(request, parameters);
    await revocation.revoke(required(parameters, 'token'), client);
    return {};
  });
}

/** A response with a token must not be cached (RFC 6749 §5.1); every response has Cache-Control already. */
function serveEndpoint(app: FastifyInstance, name: string, endpoint: Endpoint): void {
  app.post(`${oauthPrefix}/${name}`, { config: { format: 'oauth' } }, async (request, reply) => {
    if (!acceptsJson(request.headers.accept)) throw new HttpError(406);
    try {
      return reply.header('pragma', 'no-cache').send(await endpoint(request));
    } catch (error) {
      const problem = toProblem(error);
      if (problem) setErrorCode(contextOf(request), problem.code);
      throw error;
    }
  });
}
