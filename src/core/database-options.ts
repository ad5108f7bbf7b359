/**
 * Parameter `options` of a database URL: settings that PostgreSQL is given when a connection starts. Settings
 * that the service makes itself are refused.
 */

export interface DatabaseOptions {
  /** Startup options as `-c name=value`; empty for none. */
  readonly options: string;
  /** First schema of the search path, where objects are created; undefined for the server's default. */
  readonly schema: string | undefined;
}

/** The service depends on the values of these, and sets them for each connection. */
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

/** @throws RangeError for what is no setting, or one that the service makes itself */
export function parseOptions(text: string): DatabaseOptions {
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

/** The option that makes a schema the first one; extensions are found in `public` too. */
export function searchPathOption(schema: string): string {
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
