/**
 * Parses DATABASE_URL and DATABASE_DIRECT_URL. Every pool and client connects with the result, and supports
 * every parameter that this parser accepts. Messages never repeat a user, a password or an unknown value.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';

/** `require` encrypts only, `verify-ca` checks the issuer of the certificate, `verify-full` also its host name. */
export type TlsMode = 'require' | 'verify-ca' | 'verify-full';

/** PEM texts, not paths. */
export interface TlsSetting {
  readonly mode: TlsMode;
  /** Undefined: the certificate authorities that Node.js trusts. */
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
}

export interface DatabaseConnection extends DatabaseOptions {
  /** A host name, an IP address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Undefined: no password. */
  readonly password: string | undefined;
  readonly database: string;
  /** Undefined: no TLS. */
  readonly tls: TlsSetting | undefined;
  /** Prefix of the application name that PostgreSQL shows for each connection. */
  readonly applicationName: string;
}

const example = 'postgresql://user:password@host:5432/database';
const supportedParameters = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'schema',
  'options',
  'application_name',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'target_session_attrs',
] as const;
type Parameter = (typeof supportedParameters)[number];
type UrlParameters = Partial<Record<Parameter, string>>;

// The password ends at the last @ before a slash, because it can contain an @.
const urlPattern =
  /^postgres(?:ql)?:\/\/(?:([^:/?#]*)(?::([^/?#]*))?@)?(\[[0-9A-Fa-f:.]+\]|[^@:/?#[\]]*)(?::(\d*))?(?:\/([^?#]*))?(?:\?([^#]*))?$/;

/** @throws RangeError with the correct form of the URL */
export function parseDatabaseUrl(text: string): DatabaseConnection {
  const match = urlPattern.exec(text.trim());
  if (!match) {
    throw new RangeError(
      `must look like ${example}; in user and password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25`,
    );
  }
  const [, user = '', password, host = '', port = '', database = '', query = ''] = match;
  const given = parseQuery(query);
  const connection = {
    host: given.host ?? decode(host.replace(/^\[(.*)\]$/, '$1'), 'the host'),
    port: toPort(given.port ?? port),
    user: given.user ?? decode(user, 'the user'),
    password: given.password ?? (password && decode(password, 'the password')),
    database: given.dbname ?? decode(database, 'the database'),
  };
  if (connection.host.includes(',')) throw new RangeError('must name one host, not several');
  if (connection.user === '') throw new RangeError(`must name a user, as in ${example}`);
  if (connection.database === '') throw new RangeError(`must name a database, as in ${example}`);
  requireKnown(given.target_session_attrs ?? 'primary', 'target_session_attrs', [
    'primary',
    'read-write',
  ]);
  return {
    ...connection,
    host: connection.host || 'localhost',
    tls: toTls(given, isSocket(connection.host)),
    applicationName: given.application_name ?? 'gatehouse',
    ...toOptions(given),
  };
}

/** Whether a host is the directory of a Unix socket. */
export function isSocket(host: string): boolean {
  return host.startsWith('/');
}

function parseQuery(query: string): UrlParameters {
  const found: UrlParameters = {};
  for (const pair of query.split('&').filter((each) => each !== '')) {
    const at = pair.includes('=') ? pair.indexOf('=') : pair.length;
    const name = decode(pair.slice(0, at), 'a parameter');
    if (!isSupported(name)) {
      throw new RangeError(`has the parameter ${name}, which is not supported; ${supportedList()}`);
    }
    if (found[name] !== undefined) throw new RangeError(`has the parameter ${name} twice`);
    const value = pair.slice(at + 1);
    found[name] = decode(name === 'options' ? value.replaceAll('+', ' ') : value, name);
  }
  return found;
}

function isSupported(name: string): name is Parameter {
  return supportedParameters.some((each) => each === name);
}

function supportedList(): string {
  return `supported are ${supportedParameters.join(', ')}`;
}

function decode(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RangeError(
      `has a % in ${name} that does not start an escape sequence; write a percent sign as %25`,
    );
  }
}

function toPort(text: string): number {
  const port = text === '' ? 5432 : Number(text);
  if (/^\d*$/.test(text) && port > 0 && port < 65_536) return port;
  throw new RangeError('must have a port from 1 to 65535');
}

function requireKnown<Name extends string>(
  text: string,
  parameter: Parameter,
  names: readonly Name[],
): Name {
  const known = names.find((name) => name === text);
  if (known === undefined)
    throw new RangeError(`has a ${parameter} that is none of ${names.join(', ')}`);
  return known;
}

function toOptions({ options, schema }: UrlParameters): DatabaseOptions {
  const parsed = parseOptions(options ?? '');
  if (schema === undefined) return parsed;
  if (/\bsearch_path\b/i.test(options ?? '')) {
    throw new RangeError('has schema and a search_path in options; leave one of them out');
  }
  return { schema, options: `${parsed.options} ${searchPathOption(schema)}`.trim() };
}

function toTls(given: UrlParameters, isLocalSocket: boolean): TlsSetting | undefined {
  const { sslmode, sslrootcert, sslcert, sslkey } = given;
  const files = { sslrootcert, sslcert, sslkey };
  const modes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
  if (sslmode === 'prefer' || sslmode === 'allow') {
    throw new RangeError(
      `has sslmode=${sslmode}, which may use plain text; set one of ${modes.join(', ')}`,
    );
  }
  const mode = requireKnown(sslmode ?? 'disable', 'sslmode', modes);
  if (mode === 'disable') {
    const [needless] = Object.entries(files).find(([, path]) => path !== undefined) ?? [];
    if (needless !== undefined)
      throw new RangeError(`has ${needless}, which needs sslmode=verify-full`);
    return undefined;
  }
  if (isLocalSocket)
    throw new RangeError('has an sslmode, and a Unix socket has no TLS; leave it out');
  if ((sslcert === undefined) !== (sslkey === undefined)) {
    throw new RangeError('has one of sslcert and sslkey; set both or neither');
  }
  if (mode === 'verify-ca' && (sslrootcert ?? 'system') === 'system') {
    throw new RangeError('has sslmode=verify-ca, which needs sslrootcert=/path/to/ca.pem');
  }
  return {
    // As in libpq: `require` with a certificate authority verifies the issuer.
    mode: mode === 'require' && sslrootcert !== undefined ? 'verify-ca' : mode,
    ca: sslrootcert === 'system' ? undefined : readPem('sslrootcert', sslrootcert),
    certificate: readPem('sslcert', sslcert),
    key: readPem('sslkey', sslkey),
  };
}

function readPem(parameter: Parameter, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  if (!isAbsolute(path)) throw new RangeError(`has a ${parameter} that is no absolute path`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw new RangeError(`names the ${parameter} ${path}, which cannot be read`);
  }
  if (!text.includes('-----BEGIN '))
    throw new RangeError(`names the ${parameter} ${path}, which is no PEM file`);
  return text;
}

export interface DatabaseOptions {
  /** Startup options as `-c name=value`; empty for none. */
  readonly options: string;
  /** First schema of the search path, in which objects are created; undefined: the default of the server. */
  readonly schema: string | undefined;
}

/** Settings that the service sets for each connection, because it depends on their values. */
const ownSettings = [
  'client_encoding',
  'datestyle',
  'default_transaction_isolation',
  'idle_in_transaction_session_timeout',
  'intervalstyle',
  'lock_timeout',
  'standard_conforming_strings',
  'statement_timeout',
  'timezone',
];

const setting = /(?:^|\s)(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\s\\])*)/gs;

/** @throws RangeError for an invalid setting, or for a setting of the service itself */
function parseOptions(text: string): DatabaseOptions {
  if (text.replace(setting, '').trim() !== '') {
    throw new RangeError('has options that are not like -c name=value');
  }
  const settings = [...text.matchAll(setting)].map(([, name = '', value = '']) => ({
    name: name.replaceAll('-', '_').toLowerCase(),
    value,
  }));
  const taken = settings.find(({ name }) => ownSettings.includes(name));
  if (taken) throw new RangeError(`has ${taken.name} in options, which the service sets itself`);
  const searchPath = settings.findLast(({ name }) => name === 'search_path');
  return {
    options: settings.map(({ name, value }) => `-c ${name}=${value}`).join(' '),
    schema: searchPath && firstSchemaOf(searchPath.value.replace(/\\(.)/g, '$1')),
  };
}

/** The option for a search path with the schema first, and with `public` for extensions. */
function searchPathOption(schema: string): string {
  if (schema === '' || /[.\p{Cc}]/u.test(schema))
    throw new RangeError('has a schema that is no name');
  const path = schema === 'public' ? 'public' : `"${schema.replaceAll('"', '""')}",public`;
  return `-c search_path=${path.replace(/[\\\s]/g, '\\$&')}`;
}

function firstSchemaOf(searchPath: string): string | undefined {
  const [, quoted, plain] = /^\s*(?:"((?:[^"]|"")*)"|([^",\s]+))/.exec(searchPath) ?? [];
  const schema = quoted?.replaceAll('""', '"') ?? plain?.toLowerCase();
  return schema === '$user' ? undefined : schema;
}
