/** The page behind the link of a verification mail: opening it changes nothing, its button does. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { contextOf } from '../context.ts';
import type { Graphql } from '../graphql.ts';
import { html, sendPage } from './page.ts';

const path = '/verify-email';
const document =
  'mutation ($code: String!) { result: verifyEmail(code: $code) { __typename ... on Acknowledgement { message } ... on Problem { message } } }';

/** Asks for the press of the button. */
export function sendVerifyPage(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { code } = request.query as { code?: unknown }; // Fastify parses a query to an object
  if (typeof code !== 'string' || code === '') {
    return sendPage(reply, {
      title: 'The link is not complete',
      status: 400,
      body: html`<p>Open the link exactly as it stands in the mail, or copy all of it.</p>`,
    });
  }
  return sendPage(reply, {
    title: 'Confirm your email address',
    body: html`<p>Press the button to confirm the address that the mail was sent to.</p>
<form method="post" action="${path}">
<input type="hidden" name="code" value="${code}">
<button type="submit">Confirm this address</button>
</form>`,
  });
}

export function serveVerifyPage(app: FastifyInstance, graphql: Graphql): void {
  app.get(path, sendVerifyPage);
  app.post(path, { config: { speaks: 'rest' } }, async (request, reply) => {
    const { code } = Object(request.body) as { code?: unknown }; // any object has keys
    const response = await graphql.executeOperation(
      { query: document, variables: { code: typeof code === 'string' ? code : '' } },
      { contextValue: contextOf(request) },
    );
    const result = response.body.kind === 'single' && response.body.singleResult.data?.result;
    const { __typename: type, message } = Object(result) as Record<string, string>; // as in document
    if (type === 'Acknowledgement') {
      return sendPage(reply, { title: 'Address confirmed', body: html`<p>${message ?? ''}</p>` });
    }
    return sendPage(reply, {
      title: 'That did not work',
      status: 400,
      body: html`<p>${message ?? 'Try again later.'}</p>
<p>Ask for a new code where you registered, and use the newest mail.</p>`,
    });
  });
}
