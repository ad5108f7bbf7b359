/** A Relay application: compiled against schema.graphql, and executed against the service. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { type Administrator, makeGroup, superuser } from '../support/administrators.ts';
import { installPackages } from '../support/install-packages.ts';
import { schemaText } from '../support/operations.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { startService, type TestService } from '../support/service.ts';

/** A compiled operation or fragment. */
type Artifact = object;
type Variables = Readonly<Record<string, unknown>>;

interface Snapshot {
  // biome-ignore lint/suspicious/noExplicitAny: tests read responses field by field
  readonly data: any;
}

interface Environment {
  lookup(selector: object): Snapshot;
}

/** The functions of relay-runtime that the tests call. */
interface Runtime {
  readonly Environment: new (options: object) => Environment;
  readonly Network: {
    create(fetch: (operation: Operation, variables: Variables) => Promise<unknown>): object;
  };
  readonly RecordSource: new () => object;
  readonly Store: new (source: object) => object;
  createOperationDescriptor(
    operation: Artifact,
    variables: Variables,
  ): { readonly fragment: object };
  getRequest(operation: Artifact): Artifact;
  getSelector(fragment: Artifact, reference: object): object;
  fetchQuery(
    environment: Environment,
    operation: Artifact,
    variables: Variables,
  ): { toPromise(): Promise<unknown> };
  commitMutation(environment: Environment, options: object): void;
}

interface Operation {
  readonly text: string;
}

const folder = fileURLToPath(new URL('./graphql-clients', import.meta.url));
let runtime: Runtime;
let artifact: (name: string) => Artifact;
/** The updater of docs/graphql.md. */
let addGroup: (connectionId: string) => object;
let compilerOutput: string;
let service: TestService;
let root: Administrator;

beforeAll(async () => {
  const packages = installPackages(folder);
  const application = makeScratchDirectory('relay');
  compilerOutput = compile(application, packages);
  const fromPackages = createRequire(join(packages, 'x.js'));
  const fromApplication = createRequire(join(application, 'x.js'));
  runtime = fromPackages('relay-runtime');
  addGroup = fromPackages(writeUpdater(packages)).addGroup;
  artifact = (name) => fromApplication(`./artifacts/${name}.graphql.js`);
  service = await startService();
  root = await superuser(service);
}, 300_000);
afterAll(() => service.close());

/** Writes the code block beside the packages that it imports. */
function writeUpdater(packages: string): string {
  const [block] = blocksOf('docs/graphql.md').filter(({ info }) => info === 'js relay-updater');
  if (!block) throw new Error('docs/graphql.md has no updater');
  const file = join(packages, `updater-${process.pid}.mjs`);
  writeFileSync(file, block.text);
  return file;
}

/** Runs relay-compiler, whose package has a binary for each platform and no install script. */
function compile(application: string, packages: string): string {
  mkdirSync(join(application, 'artifacts'));
  cpSync(join(folder, 'relay-app.js'), join(application, 'app.js'));
  writeFileSync(join(application, 'schema.graphql'), schemaText);
  const config = {
    src: '.',
    schema: './schema.graphql',
    language: 'javascript',
    artifactDirectory: './artifacts',
    eagerEsModules: false,
  };
  writeFileSync(join(application, 'relay.config.json'), JSON.stringify(config));
  const compiler = join(packages, 'node_modules/relay-compiler/cli.js');
  return execFileSync(process.execPath, [compiler, 'relay.config.json'], {
    cwd: application,
    encoding: 'utf8',
  });
}

/** An empty store, with a network that sends the operations as `root`. */
function openStore() {
  const { Environment, Network, RecordSource, Store } = runtime;
  const network = Network.create(async ({ text }, variables) => {
    const { data, errors } = await service.graphql(text, variables, root.accessToken);
    return errors ? { data, errors } : { data };
  });
  const environment = new Environment({ network, store: new Store(new RecordSource()) });
  const query = (name: string, variables: Variables) =>
    runtime.fetchQuery(environment, artifact(name), variables).toPromise();
  /** The data of a fragment in a query, as a component of the application reads it. */
  const read = (
    [name, variables]: readonly [string, Variables],
    fragment: string,
    field?: string,
  ) => {
    const { fragment: ofQuery } = runtime.createOperationDescriptor(
      runtime.getRequest(artifact(name)),
      variables,
    );
    const { data } = environment.lookup(ofQuery);
    const reference = field === undefined ? data : data[field];
    return environment.lookup(runtime.getSelector(artifact(fragment), reference)).data;
  };
  const mutate = (name: string, variables: Variables, updater?: object) =>
    // biome-ignore lint/suspicious/noExplicitAny: tests read responses field by field
    new Promise<any>((onCompleted, onError) => {
      runtime.commitMutation(environment, {
        mutation: artifact(name),
        variables,
        updater,
        onCompleted,
        onError,
      });
    });
  return { query, read, mutate };
}

const firstPage = ['appGroupsQuery', { count: 2 }] as const;

/** Loads the first page of groups. */
async function openGroups() {
  const store = openStore();
  await store.query(...firstPage);
  const connection = () => store.read(firstPage, 'appGroups').groups;
  const names = (): string[] =>
    connection().edges.map(({ node }: { node: { name: string } }) => node.name);
  const connections = [connection().__id];
  return { ...store, connection, names, connections };
}

test('relay-compiler compiles @refetchable, @connection, @deleteEdge and @deleteRecord', () => {
  expect(compilerOutput).toMatch(/Compilation completed/);
  expect(artifact('appUserRefetchQuery')).toMatchObject({
    params: { text: expect.stringMatching(/node\(id: \$id\)/) },
  });
});

describe('relay-runtime', () => {
  beforeAll(async () => {
    for (const name of ['a', 'b', 'c', 'd']) await makeGroup(service, [], `Relay ${name}`);
  });

  test('loads the pages of a connection one after another', async () => {
    const groups = await openGroups();
    const expected = (
      await service.graphql('{ groups { nodes { name } } }', {}, root.accessToken)
    ).data.groups.nodes.map(({ name }: { name: string }) => name);
    expect(expected.length).toBeGreaterThan(4);
    expect(groups.names()).toEqual(expected.slice(0, 2));
    while (groups.connection().pageInfo.hasNextPage) {
      const cursor = groups.connection().pageInfo.endCursor;
      await groups.query('appGroupsPageQuery', { count: 2, cursor });
    }
    expect(groups.names()).toEqual(expected);
  });

  test('refetches a user by its id', async () => {
    const store = openStore();
    await store.query('appMeQuery', {});
    const user = () => store.read(['appMeQuery', {}], 'appUser', 'me');
    expect(user()).toMatchObject({
      email: root.email,
      firstName: 'Ada',
      groups: [{ name: 'Root' }],
    });
    await service.graphql(
      'mutation { updateProfile(input: { firstName: "Augusta" }) { __typename } }',
      {},
      root.accessToken,
    );
    await store.query('appUserRefetchQuery', { id: root.userId });
    expect(user().firstName).toBe('Augusta');
  });

  test('adds a created group to its list, and removes a deleted one', async () => {
    const { mutate, names, connections, connection } = await openGroups();
    const before = names();
    await mutate(
      'appCreateGroupMutation',
      { input: { name: 'Relay new' } },
      addGroup(connection().__id),
    );
    expect(names()).toEqual(['Relay new', ...before]);
    const { id } = connection().edges[0].node;
    const { deleteGroup } = await mutate('appDeleteGroupMutation', { id, connections });
    expect(deleteGroup).toEqual({ __typename: 'Deletion', deletedId: id });
    expect(names()).toEqual(before);
  });

  test('changes no list when the result is a Problem', async () => {
    const { mutate, names, connections, connection } = await openGroups();
    const before = names();
    const { data } = await service.graphql(
      '{ groups(first: 100) { nodes { id name } } }',
      {},
      root.accessToken,
    );
    const rootGroup = data.groups.nodes.find(({ name }: { name: string }) => name === 'Root');
    const { deleteGroup } = await mutate('appDeleteGroupMutation', {
      id: rootGroup.id,
      connections,
    });
    expect(deleteGroup).toEqual({ __typename: 'Problem', code: 'PROTECTED' });
    expect(names()).toEqual(before);
    const { createGroup } = await mutate(
      'appCreateGroupMutation',
      { input: { name: 'Root' } },
      addGroup(connection().__id),
    );
    expect(createGroup).toEqual({ __typename: 'Problem', code: 'ALREADY_EXISTS' });
    expect(names()).toEqual(before);
  });
});
