/**
 * `me` as each client sends it, the profile and a permission, relative to Apollo Server with a constant result that
 * gets the same bytes.
 */
import { restRoutes } from '../../../src/api/rest/routes.ts';
import {
  apolloClientRequest,
  type ClientName,
  type ClientRequest,
  clients,
  requestOf,
  usual,
} from '../clients/requests.ts';
import type { BenchEnv } from '../env.ts';
import { addressOf, logIn, seedPeople } from '../people.ts';
import { benchFile, type ServerProcess, startServer } from '../process.ts';
import type { Figure, PartResult } from '../report.ts';
import {
  httpSubject,
  interleave,
  type Measurement,
  named,
  ratio,
  type Sample,
  type Subject,
} from '../sampling.ts';

const connections = 32;
const fewConnections = 8;

/** The operation of `GET profile/view/`. */
const profileDocument = restRoutes.find(({ path }) => path === '/profile/view/')?.document ?? '';

export async function measureMe(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('me');
  await using ours = await env.gatehouse(database);
  await using logging = await env.gatehouse(database, { LOG_LEVEL: 'info' });
  await using limit = await startServer({
    command: [benchFile('./limits/apollo.ts'), profileDocument, addressOf(1)],
    environment: { NODE_ENV: 'production' },
  });
  await seedPeople(database, 10);
  const { accessToken } = await logIn(ours.address, 1);
  const me = (client: ClientName) => requestOf(client, 'me', { ACCESS_TOKEN: accessToken });
  const headers = { ...me('fetch').headers };
  const measured = await interleave(
    [
      ...clients.flatMap((client) => [
        subject(`no-op Apollo: me, ${client}`, limit, me(client)),
        subject(`Gatehouse: me, ${client}`, ours, me(client)),
      ]),
      subject(`no-op Apollo: me, ${few}`, limit, me(usual), fewConnections),
      subject(`Gatehouse: me, ${few}`, ours, me(usual), fewConnections),
      subject('Gatehouse: me, LOG_LEVEL=info', logging, me(usual)),
      subject('no-op Apollo: executeOperation', limit, {
        method: 'GET',
        path: '/profile',
        headers,
      }),
      subject('Gatehouse: GET profile/view/', ours, {
        method: 'GET',
        path: '/auth/profile/view/',
        headers,
      }),
      httpSubject('Gatehouse: hasPermission', ours, {
        address: ours.address,
        requests: [permissionRequest(accessToken)],
        expected: '"hasPermission":false',
        connections,
      }),
    ],
    env.effort,
  );
  return { measured, ratios: figures(measured) };
}

const few = `${usual}, ${fewConnections} connections`;

function subject(
  name: string,
  server: ServerProcess,
  request: ClientRequest,
  howMany = connections,
): Subject {
  return httpSubject(name, server, {
    address: server.address,
    requests: [request],
    expected: addressOf(1),
    connections: howMany,
  });
}

function permissionRequest(accessToken: string): ClientRequest {
  const document =
    'query HasPermission($permission: String!) {\n  hasPermission(permission: $permission)\n}';
  return apolloClientRequest(document, { permission: 'users.view_user' }, accessToken);
}

const eventLoop = ({ cpu }: Sample) => cpu?.eventLoop ?? Number.NaN;

function figures(measured: readonly Measurement[]): Figure[] {
  const of = (name: string) => named(measured, name);
  const targets: Partial<Record<ClientName, number>> = { 'apollo-client': 1, bare: 1 };
  return [
    ...clients.map((client) => ({
      metric: `\`me\` as ${client} sends it, no-op Apollo = 1`,
      value: ratio(of(`Gatehouse: me, ${client}`), of(`no-op Apollo: me, ${client}`)),
      ...(targets[client] === undefined ? {} : { atLeast: targets[client] }),
    })),
    {
      metric: `processor time of the event loop, \`me\` as ${usual} sends it, no-op Apollo = 1`,
      value: ratio(of(`Gatehouse: me, ${usual}`), of(`no-op Apollo: me, ${usual}`), eventLoop),
    },
    {
      metric: `p99 of \`me\` as ${usual} sends it, ${connections} connections`,
      value: of(`Gatehouse: me, ${usual}`).p99,
      unit: 'ms',
      atMost: 20,
    },
    {
      metric: '`GET profile/view/`, no-op Apollo through `executeOperation` = 1',
      value: ratio(of('Gatehouse: GET profile/view/'), of('no-op Apollo: executeOperation')),
      atLeast: 0.85,
    },
  ];
}
