/** Three PostgreSQL servers under Patroni and etcd, with HAProxy in front, on the loopback address. */
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { freePort } from '../../../support/free-port.ts';
import { until } from '../../../support/until.ts';
import { type Child, startChild } from './child.ts';
import type { ClusterPrograms } from './packages.ts';
import { etcdCommand, haproxySettings, type NodeAddress, patroniSettings } from './settings.ts';

export interface Cluster extends AsyncDisposable {
  /** Connects to the current primary through HAProxy. */
  readonly databaseUrl: string;
  /** Kills the primary and its Patroni at the same time; returns the name of the node. */
  killPrimary(): Promise<string>;
  /** Starts a killed node again, which becomes a replica. */
  startNode(name: string): void;
  /** Waits until there is a primary, a synchronous replica and another replica. */
  untilComplete(): Promise<void>;
}

interface Member {
  readonly name: string;
  readonly role: string;
  readonly state: string;
}

interface Node extends NodeAddress {
  readonly directory: string;
  patroni: Child | undefined;
}

const startMilliseconds = 120_000;

/** @param logs directory for the output of the programs; it is not removed */
export async function startCluster(programs: ClusterPrograms, logs: string): Promise<Cluster> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-patroni-'));
  opened.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  chownSync(directory, programs.uid, programs.gid);
  const password = randomBytes(18).toString('base64url');

  const start = (name: string, command: [string, ...string[]]): Child =>
    startChild(command, { ...programs, log: join(logs, `${name}.log`) });
  const ownDirectory = (name: string): string => {
    const path = join(directory, name);
    mkdirSync(path, { mode: 0o700 });
    chownSync(path, programs.uid, programs.gid);
    return path;
  };

  const etcdPorts = { client: await freePort(), peer: await freePort() };
  const etcd = start('etcd', etcdCommand(ownDirectory('etcd'), etcdPorts));
  opened.defer(() => etcd.end('SIGTERM'));

  const nodes: Node[] = [];
  for (const name of ['one', 'two', 'three']) {
    const address = { name, port: await freePort(), restPort: await freePort() };
    const node: Node = { ...address, directory: ownDirectory(name), patroni: undefined };
    const shared = { etcdPort: etcdPorts.client, programs: programs.postgresql, password };
    const settings = patroniSettings(address, { ...shared, directory: node.directory });
    writeFileSync(join(directory, `${name}.yml`), settings);
    nodes.push(node);
  }
  const startNode = (name: string) => {
    const node = nodes.find((it) => it.name === name);
    if (node) node.patroni = start(name, ['patroni', join(directory, `${name}.yml`)]);
  };
  for (const node of nodes) {
    startNode(node.name);
    opened.defer(() => endNode(node));
  }

  const port = await freePort();
  writeFileSync(join(directory, 'haproxy.cfg'), haproxySettings(port, nodes));
  const balancer = start('haproxy', ['haproxy', '-db', '-f', join(directory, 'haproxy.cfg')]);
  opened.defer(() => balancer.end('SIGTERM'));

  const untilComplete = async () => void (await until(() => isComplete(nodes), startMilliseconds));
  await untilComplete();
  const databaseUrl = await createDatabase(`postgresql://postgres:${password}@127.0.0.1:${port}`);
  const owned = opened.move();
  return {
    databaseUrl,
    startNode,
    untilComplete,
    async killPrimary() {
      const primary = await findPrimary(nodes);
      if (!primary) throw new Error('there is no primary');
      const postmaster = postmasterOf(primary);
      primary.patroni?.end('SIGKILL');
      if (postmaster) process.kill(postmaster, 'SIGKILL');
      return primary.name;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Patroni stops its server on SIGTERM. A server whose Patroni was killed is killed here. */
async function endNode(node: Node): Promise<void> {
  await node.patroni?.end('SIGTERM');
  const postmaster = postmasterOf(node);
  if (postmaster === undefined) return;
  try {
    process.kill(postmaster, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function postmasterOf({ directory }: Node): number | undefined {
  try {
    return Number(readFileSync(join(directory, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return undefined;
  }
}

/** The members of the cluster, from the first node that responds. */
async function membersOf(nodes: readonly Node[]): Promise<readonly Member[]> {
  for (const { restPort } of nodes) {
    try {
      const signal = AbortSignal.timeout(1000);
      const response = await fetch(`http://127.0.0.1:${restPort}/cluster`, { signal });
      const { members } = (await response.json()) as { members: readonly Member[] }; // its documented form
      return members;
    } catch {
      // It is down; ask the next one.
    }
  }
  return [];
}

async function isComplete(nodes: readonly Node[]): Promise<boolean> {
  const members = await membersOf(nodes);
  const running = members.filter(({ state }) => state === 'running' || state === 'streaming');
  const roles = running.map(({ role }) => role).sort();
  return roles.join(' ') === 'leader replica sync_standby';
}

async function findPrimary(nodes: readonly Node[]): Promise<Node | undefined> {
  const leader = (await membersOf(nodes)).find(({ role }) => role === 'leader');
  return nodes.find(({ name }) => name === leader?.name);
}

/** Retries until the balancer has found the primary. */
async function createDatabase(serverUrl: string): Promise<string> {
  await until(async () => {
    const client = new Client({ connectionString: `${serverUrl}/postgres` });
    try {
      await client.connect();
      await client.query('create database gatehouse');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }, startMilliseconds);
  return `${serverUrl}/gatehouse`;
}
