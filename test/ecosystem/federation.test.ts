/** The service as a subgraph of a supergraph: composed with a second subgraph, behind a real gateway. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { staff, superuser } from '../support/administrators.ts';
import { createKey, createServiceAccount } from '../support/api-keys.ts';
import { freePort } from '../support/free-port.ts';
import { installPackages } from '../support/install-packages.ts';
import { schemaText } from '../support/operations.ts';
import { goodPassword, somebody } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

interface Running {
  readonly url: string;
  close(): Promise<void>;
}

interface Urls {
  readonly gatehouse: string;
  readonly orders: string;
}

/** `federation/gateway.js`. */
interface Tools {
  readonly ordersSdl: string;
  buildsSubgraph(sdl: string): string;
  compose(gatehouseSdl: string, otherSdl?: string): readonly string[];
  startOrders(buyerIds: readonly string[]): Promise<Running>;
  startIntrospectingGateway(urls: Urls, headers: Record<string, string>): Promise<Running>;
}

type Person = Awaited<ReturnType<typeof somebody>>;

let service: TestService;
let tools: Tools;
let folder: string;
let urls: Urls;
let ada: Person;
let grace: Person;
const running: Running[] = [];
const started = async (starting: Promise<Running>) => {
  const server = await starting;
  running.push(server);
  return server;
};

beforeAll(async () => {
  folder = installPackages(fileURLToPath(new URL('./federation', import.meta.url)));
  tools = createRequire(`${folder}gateway.js`)('./gateway.js');
  service = await startService({ environment: { TRUST_PROXY: '1' } });
  ada = await somebody(service);
  grace = await somebody(service);
  const orders = await started(tools.startOrders([ada.userId, grace.userId, ada.userId]));
  urls = { gatehouse: `${service.address}/graphql`, orders: orders.url };
}, 300_000);
afterAll(async () => {
  for (const server of running.reverse()) await server.close();
  await service.close();
});

describe('the SDL', () => {
  test('is accepted by buildSubgraphSchema of @apollo/subgraph', () => {
    expect(tools.buildsSubgraph(schemaText)).toMatch(
      /^union _Entity = .*\bGroup\b.*\bPermission\b.*\bUser\b/,
    );
  });

  test('composes with a second subgraph by @theguild/federation-composition', async () => {
    const { data } = await service.graphql('{ _service { sdl } }');
    expect(tools.compose(schemaText)).toEqual([]);
    expect(tools.compose(data._service.sdl)).toEqual([]);
  });

  test('composes with the types of docs/graphql.md', () => {
    const [link = ''] = tools.ordersSdl.trim().split('\n');
    const other = `${link} ${documented('graphql orders')}`;
    expect(tools.compose(schemaText, other)).toEqual([]);
  });

  test('does not share Query.node, which another subgraph takes over with @override', () => {
    const withNode = (directive: string) =>
      tools.ordersSdl.replace('type Query {', `type Query {\n  node(id: ID!): Node ${directive}`);
    expect(tools.compose(schemaText, withNode('')).join()).toMatch(/Query\.node/);
    expect(tools.compose(schemaText, withNode('@override(from: "gatehouse")'))).toEqual([]);
  });
});

describe('the gateway of docs/graphql.md (@apollo/gateway)', () => {
  let gatewayUrl: string;
  beforeAll(async () => {
    gatewayUrl = `http://localhost:${await freePort()}/`;
    const directory = join(folder, `gateway-${process.pid}`);
    mkdirSync(directory);
    writeFileSync(join(directory, 'gatehouse.graphql'), schemaText);
    writeFileSync(join(directory, 'orders.graphql'), tools.ordersSdl);
    const example = (name: string) => {
      const file = join(directory, `${name}.js`);
      const text = documented(`js ${name}`)
        .replace('http://localhost:4000/graphql', urls.gatehouse)
        .replace('http://localhost:4001/', urls.orders)
        .replace('4002', new URL(gatewayUrl).port);
      writeFileSync(file, text);
      return [file, directory] as const;
    };
    running.push({ url: '', close: async () => rmSync(directory, { recursive: true }) });
    await runScript(...example('compose'));
    running.push(await startScript(...example('gateway')));
  });

  const ask = (query: string, token?: string) => post(gatewayUrl, query, token);
  const buyers = '{ orders { id buyer { id email } } }';

  test('answers a superuser with all buyers', async () => {
    const { data, errors } = await ask(buyers, (await superuser(service)).accessToken);
    expect(errors).toBeUndefined();
    expect(data.orders.map(({ buyer }: { buyer: { email: string } }) => buyer.email)).toEqual([
      ada.email,
      grace.email,
      ada.email,
    ]);
  });

  test('answers a user with the own address only', async () => {
    const { data } = await ask(buyers, ada.accessToken);
    expect(
      data.orders.map(({ buyer }: { buyer: { email: string } | null }) => buyer?.email),
    ).toEqual([ada.email, undefined, ada.email]);
  });

  test('answers staff by users.view_user', async () => {
    const admin = await staff(service, ['users.view_user']);
    expect((await ask(buyers, admin.accessToken)).errors).toBeUndefined();
    const other = await staff(service, ['users.view_group']);
    expect((await ask(buyers, other.accessToken)).data.orders).toEqual(
      ['order-0', 'order-1', 'order-2'].map((id) => ({ id, buyer: null })),
    );
  });

  test('refuses a token that was revoked, and a caller without token', async () => {
    const { accessToken } = await somebody(service);
    expect((await ask('{ me { id } }', accessToken)).errors).toBeUndefined();
    await ask('mutation { logoutEverywhere { ... on Acknowledgement { message } } }', accessToken);
    for (const token of [accessToken, undefined]) {
      const { data, errors = [] } = await ask(buyers, token);
      expect(data.orders.map(({ buyer }: { buyer: unknown }) => buyer)).toEqual([null, null, null]);
      expect(errors.length).toBeGreaterThan(0);
      expect(errors[0]?.extensions?.code).toBe('UNAUTHENTICATED');
    }
  });

  test('executes operations of both subgraphs in one request, and mutations', async () => {
    const { data, errors } = await ask(
      '{ me { email groups { name } } orders { placedAt } order(id: "1") { __typename ... on Problem { code } } }',
      ada.accessToken,
    );
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({
      me: { email: ada.email, groups: [] },
      order: { __typename: 'Problem', code: 'SOLD_OUT' },
    });
    const changed = await ask(
      'mutation { updateProfile(input: { firstName: "Augusta" }) { ... on User { firstName } ... on Problem { code } } }',
      ada.accessToken,
    );
    expect(changed.data).toEqual({ updateProfile: { firstName: 'Augusta' } });
  });

  test('sends the address and the user agent of the client', async () => {
    const login = `mutation { login(input: { email: "${ada.email}", password: "${goodPassword}" }) {
      ... on TokenPair { accessToken } } }`;
    const { data } = await post(gatewayUrl, login, undefined, { 'user-agent': 'orders-app/1.0' });
    const sessions = '{ me { sessions { current ipAddress userAgent } } }';
    const { data: own } = await post(gatewayUrl, sessions, data.login.accessToken);
    expect(own.me.sessions).toContainEqual({
      current: true,
      ipAddress: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
      userAgent: 'orders-app/1.0',
    });
  });
});

describe('a gateway that reads the SDL from _service (IntrospectAndCompose)', () => {
  test('starts with the key of a service account, without DEBUG, and not without it', async () => {
    await using quietService = await startService({
      database: service.database,
      mail: service.mail,
      environment: { DEBUG: 'False' },
    });
    const { accessToken } = await superuser(service);
    const { id } = await createServiceAccount(service, accessToken);
    const { secret } = await createKey(service, accessToken, { serviceAccountId: id });
    const quietUrls = { ...urls, gatehouse: `${quietService.address}/graphql` };
    const start = (headers: Record<string, string>) =>
      tools.startIntrospectingGateway(quietUrls, headers);
    const gateway = await start({ authorization: `Bearer ${secret}` });
    const { data } = await post(gateway.url, '{ __typename orders { id } }');
    expect(data.orders).toHaveLength(3);
    await gateway.close();
    await expect(start({})).rejects.toThrow(/Send a valid access token/);
    await expect(start({ authorization: `Bearer ${ada.accessToken}` })).rejects.toThrow(
      /does not have the permission/,
    );
  });
});

interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: tests read responses field by field
  readonly data: any;
  readonly errors?: readonly { readonly extensions?: Record<string, unknown> }[];
}

async function post(
  url: string,
  query: string,
  token?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...authorization, ...headers },
    body: JSON.stringify({ query }),
  });
  return (await response.json()) as Answer; // of a GraphQL server
}

function documented(info: string): string {
  const [block] = blocksOf('docs/graphql.md').filter((each) => each.info === info);
  if (!block) throw new Error(`docs/graphql.md has no block ${info}`);
  return block.text;
}

async function runScript(file: string, directory: string): Promise<void> {
  await promisify(execFile)(process.execPath, [file], { cwd: directory });
}

/** Resolves when the script has printed that it is ready. */
async function startScript(file: string, directory: string): Promise<Running> {
  const child = spawn(process.execPath, [file], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk) => String(chunk).includes('ready') && resolve());
    child.once('exit', () => reject(new Error(`${file} ended`)));
  });
  return {
    url: '',
    close: async () => {
      child.kill();
      await once(child, 'exit');
    },
  };
}
