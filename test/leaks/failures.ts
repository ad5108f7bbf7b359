/** Requests that fail, with a secret in every field for secrets and in fields for other values. */

import type { RestRoute } from '../../src/api/rest/route.ts';
import { restRoutes } from '../../src/api/rest/routes.ts';
import type { Canaries } from '../support/canaries.ts';
import { exampleBodies, exampleVariables } from '../support/examples.ts';
import type { Operation, TextInput } from '../support/operations.ts';
import { type CallResponse, type Calls, operations } from './calls.ts';

export interface Failing {
  readonly calls: Calls;
  readonly canaries: Canaries;
  /** The token of a superuser; operations that log out get a token of their own. */
  readonly tokenFor: (name: string) => Promise<string>;
  readonly email: string;
}

const json = 'application/json';
const isSecret = (name: string) => /password|code$|token|uid/i.test(name);

/** Every operation of the schema, with each kind of invalid request. */
export async function failByGraphql(failing: Failing): Promise<CallResponse[]> {
  const responses: CallResponse[] = [];
  for (const operation of operations) {
    const requests = wrongRequests(operation, failing, await failing.tokenFor(operation.name));
    responses.push(...(await Promise.all(requests)));
  }
  return responses;
}

function wrongRequests(
  operation: Operation,
  { calls, canaries, email }: Failing,
  token: string,
): Promise<CallResponse>[] {
  const example = exampleVariables(() => email)[operation.name]?.() ?? {};
  const secret = canaries.make(`${operation.name} input`);
  const inputs = operation.inputs.filter(({ name }) => isSecret(name));
  const withValue = (value: unknown) => withEach(example, inputs, value);
  const post = (given: object | string, bearer?: string) => {
    const body = typeof given === 'string' ? given : JSON.stringify(given);
    return calls.send('POST', '/graphql', { type: json, body, token: bearer });
  };
  const query = operation.document;
  const variables = withValue(secret);
  const parameters = new URLSearchParams({ query, variables: JSON.stringify(variables) });
  return [
    post({ query, variables }, token),
    post({ query, variables: withValue([secret]) }, token),
    post({ query, variables: withValue({ $ne: secret }) }, token),
    post({ query, variables: { ...variables, [secret]: secret } }, token),
    post({ query, variables: secret, operationName: secret, extensions: { secret } }),
    post({ query: inText(operation, { ...variables, unknown: secret }) }, token),
    post({ query: inText(operation, withValue([secret])) }),
    post({ query: `${query} # ${secret}\n query { me(x: "${secret}` }),
    post(JSON.stringify({ query, variables }).replace(/.{3}$/, secret)),
    post({ query, variables }, canaries.make(`${operation.name} bearer`)),
    calls.send('GET', `/graphql?${parameters}&access_token=${secret}`),
  ];
}

function withEach(
  variables: Record<string, unknown>,
  inputs: readonly TextInput[],
  value: unknown,
): Record<string, unknown> {
  const copy = structuredClone(variables);
  for (const { path } of inputs) {
    const above = path.slice(0, -1).reduce((at, key) => at[key] as typeof copy, copy);
    above[path.at(-1) ?? ''] = value;
  }
  return copy;
}

function inText({ documentWith }: Operation, variables: object): string {
  return documentWith(`(${literalMembers(variables)})`);
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  return value instanceof Object ? `{${literalMembers(value)}}` : JSON.stringify(value);
}

function literalMembers(value: object): string {
  return Object.entries(value)
    .map(([name, member]) => `${name.replace(/\W+/g, '_')}: ${literal(member)}`)
    .join(', ');
}

/** Every REST route, with each kind of invalid request. */
export async function failByRest(failing: Failing): Promise<CallResponse[]> {
  const responses: CallResponse[] = [];
  for (const row of restRoutes) {
    const requests = wrongRestRequests(row, failing, await failing.tokenFor(row.path));
    responses.push(...(await Promise.all(requests)));
  }
  return responses;
}

function wrongRestRequests(
  row: RestRoute,
  { calls, canaries, email }: Failing,
  token: string,
): Promise<CallResponse>[] {
  const secret = canaries.make(`${row.method} ${row.path} input`);
  const path = `/auth${pathOf(row, secret)}`;
  const withValue = (value: unknown) => ({
    ...exampleBodies(() => email)[row.path]?.(),
    ...Object.fromEntries(secretsOf(row).map((name) => [name, value])),
  });
  const send = (given: object | string, type = json, bearer = token) => {
    const body = typeof given === 'string' ? given : JSON.stringify(given);
    const withBody = row.method === 'GET' ? {} : { type, body };
    return calls.send(row.method, path, { ...withBody, token: bearer });
  };
  const body = withValue(secret);
  const form = new URLSearchParams({ ...body, secret } as Record<string, string>); // the examples are strings
  const parameters = `code=${secret}&password=${secret}&access_token=${secret}&cursor=${secret}`;
  return [
    send(body),
    send(withValue([secret])),
    send({ ...withValue({ $ne: secret }), [secret]: secret }),
    send(`${JSON.stringify(body).slice(0, -1)} ${secret}`),
    send(`{"${secret}": "${secret}", "${secret}": 1}`),
    send(`${form}`, 'application/x-www-form-urlencoded'),
    send(secret, `text/plain; charset=${secret}`),
    send({ ...body, more: secret.repeat(3000) }),
    send(body, json, canaries.make(`${row.path} bearer`)),
    calls.send(row.method, `${path}?${parameters}`, { token }),
    calls.send('FOO', `${path}?${parameters}`),
  ];
}

function secretsOf({ params }: RestRoute): string[] {
  return Object.keys(params).filter((name) => isSecret(name) && params[name]?.from === 'body');
}

function pathOf({ path, params }: RestRoute, secret: string): string {
  return Object.entries(params)
    .filter(([, { from }]) => from === 'path')
    .reduce((text, [name]) => text.replace(`:${name}`, isSecret(name) ? secret : 'x'), path);
}

/** Endpoints of OAuth, each with a grant type. */
const oauthRequests = [
  ['token', 'client_credentials'],
  ['token', 'refresh_token'],
  ['introspect', ''],
  ['revoke', ''],
] as const;

/** The pages of mailed links, the endpoints of OAuth and forward auth, and the endpoints that need a key. */
export async function failElsewhere({ calls, canaries }: Failing): Promise<CallResponse[]> {
  const secret = canaries.make('elsewhere');
  const responses: CallResponse[] = [];
  const form = {
    type: 'application/x-www-form-urlencoded',
    body: `code=${secret}&password=${secret}&uid=${secret}&token=${secret}`,
  };
  for (const page of [
    '/verify-email',
    '/confirm-email-change',
    '/cancel-email-change',
    '/reset-password',
  ]) {
    const query = `code=${secret}&uid=${secret}&token=${secret}`;
    responses.push(await calls.send('GET', `${page}?${query}`));
    responses.push(await calls.send('POST', page, form));
  }
  for (const [endpoint, grantType] of oauthRequests) {
    const clientSecret = canaries.make(`client secret at ${endpoint}`);
    const body = `grant_type=${grantType}&refresh_token=${secret}&token=${secret}&scope=${secret}`;
    for (const client of ['', `&client_id=${secret}&client_secret=${clientSecret}`]) {
      responses.push(
        await calls.send('POST', `/oauth/${endpoint}`, { ...form, body: body + client }),
      );
    }
  }
  const requirements = `/forward-auth?permission=${secret}&group=${secret}`;
  responses.push(await calls.send('GET', requirements, { token: canaries.make('forward auth') }));
  responses.push(await calls.send('GET', `${requirements}&${secret}=1`));
  const segment = canaries.make('the path of a forwarded request');
  for (const uri of [`/reset/${segment}/x`, `/reset/x%2F${segment}`, `/x?code=${segment}`]) {
    responses.push(
      await calls.send('GET', '/forward-auth', { headers: { 'x-forwarded-uri': uri } }),
    );
  }
  for (const path of ['/metrics', '/revocations', `/${secret}`, `/%${secret}`]) {
    responses.push(await calls.send('GET', path, { token: canaries.make(`bearer of ${path}`) }));
  }
  return responses;
}
