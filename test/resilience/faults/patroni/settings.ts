/** Settings of etcd, Patroni and HAProxy, as in production but with shorter timeouts. */

export interface NodeAddress {
  readonly name: string;
  readonly port: number;
  /** Port of the REST interface of Patroni, which reports the primary. */
  readonly restPort: number;
}

const host = '127.0.0.1';

export function etcdCommand(
  directory: string,
  ports: { readonly client: number; readonly peer: number },
): [string, ...string[]] {
  const client = `http://${host}:${ports.client}`;
  const peer = `http://${host}:${ports.peer}`;
  return [
    'etcd',
    ...['--name', 'only', '--data-dir', directory],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', `only=${peer}`],
  ];
}

/**
 * The defaults of Patroni are ttl 30, loop_wait 10, retry_timeout 10. A killed primary is detected when the ttl of
 * its key has passed.
 */
const cluster = {
  ttl: 10,
  loop_wait: 2,
  retry_timeout: 3,
  maximum_lag_on_failover: 1_048_576,
  // A commit is acknowledged after a second node has it; without a second node, no commit is acknowledged.
  synchronous_mode: true,
  synchronous_mode_strict: true,
  postgresql: {
    use_pg_rewind: true,
    use_slots: true,
    parameters: { max_connections: 100, wal_log_hints: 'on', shared_buffers: '64MB' },
  },
};

/** Patroni reads YAML, and JSON is a subset of it. */
export function patroniSettings(
  node: NodeAddress,
  local: {
    readonly etcdPort: number;
    readonly directory: string;
    readonly programs: string;
    readonly password: string;
  },
): string {
  const authentication = (username: string) => ({ username, password: local.password });
  return JSON.stringify({
    scope: 'gatehouse',
    name: node.name,
    restapi: { listen: `${host}:${node.restPort}`, connect_address: `${host}:${node.restPort}` },
    etcd3: { host: `${host}:${local.etcdPort}` },
    bootstrap: {
      dcs: cluster,
      initdb: [{ encoding: 'UTF8' }, 'data-checksums'],
    },
    postgresql: {
      listen: `${host}:${node.port}`,
      connect_address: `${host}:${node.port}`,
      data_dir: `${local.directory}/data`,
      bin_dir: local.programs,
      pgpass: `${local.directory}/pgpass`,
      pg_hba: [
        `host replication replicator ${host}/32 scram-sha-256`,
        `host all all ${host}/32 scram-sha-256`,
        'local all all trust',
      ],
      parameters: { unix_socket_directories: local.directory },
      authentication: {
        superuser: authentication('postgres'),
        replication: authentication('replicator'),
        rewind: authentication('rewinder'),
      },
    },
  });
}

/** Forwards one port to the current primary by Patroni, and closes connections to the previous one. */
export function haproxySettings(port: number, nodes: readonly NodeAddress[]): string {
  return `
defaults
  mode tcp
  timeout connect 1s
  timeout check 1s
  # The change feed and the job queue keep connections until the process ends.
  timeout client 24h
  timeout server 24h

listen primary
  bind ${host}:${port}
  option httpchk OPTIONS /primary
  http-check expect status 200
  default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
${nodes.map(({ name, port: at, restPort }) => `  server ${name} ${host}:${at} check port ${restPort}`).join('\n')}
`;
}
