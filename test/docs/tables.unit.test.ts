/** The tables of the documentation agree with the code. */
import { readdirSync, readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  isUnionType,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { limits as graphqlLimits } from '../../src/api/graphql/limits.ts';
import { httpLimits } from '../../src/api/http/limits.ts';
import type { RestRoute } from '../../src/api/rest/route.ts';
import { restRoutes } from '../../src/api/rest/routes.ts';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { defaultLimits } from '../../src/config/rate-limits.ts';
import { variables } from '../../src/config/variables.ts';
import { problemCodes, sentenceOf, statusOf } from '../../src/core/errors.ts';
import { serverTimeouts } from '../../src/database/timeouts.ts';
import { previewNames } from '../../src/mail/templates/previews.ts';
import { runCommand } from '../support/command-line.ts';
import { metricRows } from '../support/metric-rows.ts';
import { schemaText } from '../support/operations.ts';
import { rowsOf } from './pages.ts';

const unquoted = (cell: string) => cell.replaceAll('`', '');
/** The words of a cell in backquotes. */
const quotedIn = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
/** The figures of a cell; `1,000` is 1000. */
const figuresIn = (cell = '') =>
  (cell.replaceAll(/(?<=\d),(?=\d{3})/g, '').match(/\d+(\.\d+)?/g) ?? []).map(Number);

test('the table of problem codes is the catalogue', () => {
  expect(rowsOf('docs/graphql.md', 'Problem codes')).toEqual(
    problemCodes.map((code) => [`\`${code}\``, String(statusOf(code)), sentenceOf(code)]),
  );
});

describe('configuration', () => {
  const rows = rowsOf('docs/configuration.md', 'Environment variables');
  const example = new Map(
    [
      ...readFileSync(new URL('../../.env.example', import.meta.url), 'utf8').matchAll(
        /^# ?([A-Z][A-Z0-9_]+)=(.*)$/gm,
      ),
    ].map(([, name = '', value = '']) => [name, value]),
  );
  const names = Object.keys(variables.shape);
  /** The default of the code, in readable form; undefined where it depends on other variables. */
  const defaultOf = (name: string): string | undefined => {
    const value: unknown = variables.shape[name as keyof typeof variables.shape].parse(undefined);
    if (value === defaultLimits) return 'on';
    if (Array.isArray(value)) return value.join(',') || '–';
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };

  test('the table names exactly the variables', () => {
    expect(rows.flatMap(([cell]) => quotedIn(cell)).sort()).toEqual(names.toSorted());
  });

  test('the table has the defaults of the code', () => {
    const documented = rows.flatMap(([cell, value = '']) =>
      quotedIn(cell).map((name) => [name, unquoted(value)] as const),
    );
    for (const [name, value] of documented)
      expect([name, value]).toEqual([name, defaultOf(name) ?? value]);
    expect(names.filter((name) => defaultOf(name) !== undefined).length).toBeGreaterThan(20);
  });

  test('.env.example names the same variables, with values that are accepted', () => {
    expect([...example.keys()].sort()).toEqual(names.toSorted());
    for (const [name, value] of example) {
      if (value === '') continue;
      const { success } = variables.shape[name as keyof typeof variables.shape].safeParse(value);
      expect([name, value, success]).toEqual([name, value, true]);
    }
  });

  test('the table of connection parameters names exactly those that are supported', () => {
    const documented = rowsOf('docs/configuration.md', 'PostgreSQL connection parameters')
      .flatMap(([cell]) => quotedIn(cell))
      .sort();
    const list = documented.join(', ');
    let message = '';
    try {
      parseDatabaseUrl('postgresql://user@host/database?unknown=1');
    } catch (error) {
      message = String(error);
    }
    const supported = /supported are (.*)$/.exec(message)?.[1]?.split(', ').sort();
    expect(list).toBe(supported?.join(', '));
  });
});

const schema = buildSchema(schemaText);

/** The callers that the description of an operation names. */
function callersOf(description: string): string {
  const needs = /Needs (an access token|`[\w.]+`(?: and `[\w.]+`)*)/.exec(
    description.replaceAll(/\s+/g, ' '),
  )?.[1];
  return needs === undefined ? 'anyone' : needs.replace('an access token', 'access token');
}

describe('GraphQL', () => {
  /** The cells of a field of Query or Mutation, without the last one. */
  function rowOf({ name, args, type, description }: GraphQLField<unknown, unknown>): string[] {
    const list = args.map((arg) => `${arg.name}${String(arg.type).endsWith('!') ? '' : '?'}`);
    const named = getNamedType(type);
    const success = isUnionType(named)
      ? named.getTypes().filter((member) => member.name !== 'Problem')
      : [type];
    return [
      `\`${name}${list.length > 0 ? `(${list.join(', ')})` : ''}\``,
      `\`${success.join(' | ')}\``,
      callersOf(description ?? ''),
    ];
  }

  const byColumns = (one: readonly string[], other: readonly string[]) =>
    (one[0] ?? '').localeCompare(other[0] ?? '');

  test.each([
    ['Queries', schema.getQueryType()],
    ['Mutations', schema.getMutationType()],
  ])(
    'the table of %s has every operation with its arguments, result and callers',
    (title, type: GraphQLObjectType | null | undefined) => {
      const rows = rowsOf('docs/graphql.md', title);
      const fields = Object.values(type?.getFields() ?? {});
      expect(rows.map((row) => row.slice(0, 3)).toSorted(byColumns)).toEqual(
        fields.map(rowOf).toSorted(byColumns),
      );
      for (const [operation, , , purpose] of rows)
        expect([operation, purpose]).toEqual([operation, expect.stringMatching(/\w{3}/)]);
    },
  );

  test('the table of limits has the figures of the code', () => {
    const rows = rowsOf('docs/graphql.md', 'Limits');
    expect(rows.map(([, value]) => figuresIn(value)[0])).toEqual(Object.values(graphqlLimits));
  });
});

describe('REST', () => {
  const paramsOf = (row: RestRoute, from: 'body' | 'query') =>
    Object.entries(row.params)
      .filter(([, param]) => param.from === from)
      .map(([name, { isRequired }]) => (isRequired ? name : `[${name}]`))
      .join(' ');
  const cellsOf = (row: RestRoute): string[] => {
    const [query, body] = [paramsOf(row, 'query'), paramsOf(row, 'body')];
    const operations = [row.document, ...(row.variant ? [row.variant.document] : [])].map(
      (document) => /result: (\w+)/.exec(document)?.[1] ?? '',
    );
    const fields = {
      ...schema.getQueryType()?.getFields(),
      ...schema.getMutationType()?.getFields(),
    };
    return [
      `\`${row.method} ${row.path.slice(1).replaceAll(/:(\w+)/g, '<$1>')}\``,
      [...(query ? [`query: \`${query}\``] : []), ...(body ? [`\`${body}\``] : [])].join(' ') ||
        '–',
      String(row.success.status),
      operations.map((operation) => `\`${operation}\``).join(' or '),
      operations.map((operation) => callersOf(fields[operation]?.description ?? '')).join(' or '),
    ];
  };
  const rows = rowsOf('docs/rest.md', 'Routes');

  test('the table of routes is that of the code', () => {
    const routes = rows.filter(([route]) => /^`[A-Z]/.test(route ?? ''));
    expect(routes).toEqual(restRoutes.map(cellsOf));
  });

  test.each([
    ['tokens of `login/` and `token/refresh/`', 'POST', '/login/'],
    ['profile', 'GET', '/profile/view/'],
    ['user', 'GET', '/admin/users/:id/'],
    ['group', 'GET', '/admin/groups/:id/'],
    ['permission', 'GET', '/admin/permissions/:id/'],
    ['registration', 'GET', '/admin/registrations/:id/'],
  ])('the fields of %s are those of the code', (object, method, path) => {
    const fields = quotedIn(rows.find(([cell]) => cell === object)?.[1])[0];
    const route = restRoutes.find((row) => row.method === method && row.path === path);
    expect(fields).toBe(Object.keys(route?.success.data ?? {}).join(' '));
  });

  test('the table of HTTP limits has the figures of the code', () => {
    const documented = rowsOf('docs/rest.md', 'HTTP limits').map(([limit, value]) => {
      const [figure = 0] = figuresIn(value);
      return [limit, /\d s\b/.test(value ?? '') ? figure * 1000 : figure];
    });
    expect(documented).toEqual([
      ['body', httpLimits.bodyBytes],
      ['request line and headers', httpLimits.headerBytes],
      ['levels of a JSON body', httpLimits.jsonDepth],
      ['time until the headers have arrived', httpLimits.headersMilliseconds],
      ['time until the whole request has arrived', httpLimits.requestMilliseconds],
      ['time for the answer', httpLimits.answerMilliseconds],
      ['idle time between two requests of a connection', httpLimits.keepAliveMilliseconds],
      ['time without a byte in either direction', httpLimits.silenceMilliseconds],
      ['pipelined requests of a connection', httpLimits.pipelinedRequests],
    ]);
  });
});

test('the table of commands is that of the command line', async () => {
  const help = async (...words: string[]) =>
    (await runCommand([...words, '--help'], { environment: {} })).stdout;
  const commandsOf = (text: string, group = '') =>
    [...text.matchAll(new RegExp(`^ {2}gatehouse ${group}([a-z-]+)`, 'gm'))].map(
      ([, name]) => `${group}${name}`,
    );
  const commands = await Promise.all(
    commandsOf(await help()).map(async (name) => {
      const inner = commandsOf(await help(name), `${name} `);
      return inner.length > 0 ? inner : [name];
    }),
  );
  const documented = rowsOf('docs/command-line.md', 'Commands')
    .flatMap(([cell]) => quotedIn(cell))
    .flatMap((command) => alternativesOf(command.replace('npx gatehouse ', '')));
  expect(documented.toSorted()).toEqual(commands.flat().toSorted());
});

/** `groups list|show` as `groups list` and `groups show`, each without its arguments. */
function alternativesOf(command: string): string[] {
  const [name = '', inner = ''] = command.split(' ');
  if (!/^[a-z]/.test(inner) || name === 'completion') return [name];
  return inner.split('|').map((each) => `${name} ${each}`);
}

test('the table of metrics is that of the code', () => {
  const rows = rowsOf('docs/operations.md', 'Metrics').filter(([cell]) =>
    cell?.startsWith('`gatehouse_'),
  );
  expect(rows).toEqual(
    metricRows.map(({ name, labels, kind, help }) => [
      `\`${name}${labels.length > 0 ? `{${labels.join(', ')}}` : ''}\``,
      kind,
      help,
    ]),
  );
});

test('the table of rate limits is that of the code', () => {
  expect(
    rowsOf('docs/security.md', 'Rate limits').map(([name, value]) => [unquoted(name ?? ''), value]),
  ).toEqual(
    Object.entries(defaultLimits).map(([name, { points, seconds }]) => [
      name,
      `${points} in ${seconds} s`,
    ]),
  );
});

test('the table of mails has every template', () => {
  const names = rowsOf('docs/email.md', 'All mails').map(([name = '']) => unquoted(name));
  expect(names).toEqual(previewNames);
});

test('the table of failure limits has the timeouts of the database', () => {
  const rows = new Map(
    rowsOf('docs/operations.md', 'Failure behaviour').map(([limit, value]) => [
      limit,
      (figuresIn(value)[0] ?? 0) * 1000,
    ]),
  );
  expect({
    answer: rows.get('request that has arrived completely'),
    connect: rows.get('waiting for a connection to PostgreSQL'),
    lock: rows.get('waiting for a lock (`lock_timeout`)'),
    statement: rows.get('statement (`statement_timeout`)'),
    idle: rows.get('idle in a transaction (`idle_in_transaction_session_timeout`)'),
    silence: rows.get('no answer from PostgreSQL'),
  }).toEqual({
    answer: httpLimits.answerMilliseconds,
    connect: serverTimeouts.connectMilliseconds,
    lock: serverTimeouts.lockMilliseconds,
    statement: serverTimeouts.statementMilliseconds,
    idle: serverTimeouts.idleInTransactionMilliseconds,
    silence: serverTimeouts.silenceMilliseconds,
  });
});

test('the table of failures of a verification has every code', () => {
  const source = readFileSync(
    new URL('../../packages/verify/src/verify.ts', import.meta.url),
    'utf8',
  );
  const codes = /type VerificationFailure = (.*);/.exec(source)?.[1]?.match(/\w+/g);
  const rows = rowsOf('docs/verifying-tokens.md', 'Node.js');
  expect(rows.map(([code = '']) => unquoted(code))).toEqual(codes);
});

test('the table of malformed requests has every code', () => {
  const source = readFileSync(new URL('../../src/api/graphql/errors.ts', import.meta.url), 'utf8');
  const list = /malformedCodes[^[]*\[([^\]]*)\]/.exec(source)?.[1] ?? '';
  const codes = [...list.matchAll(/'(\w+)'/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(4);
  const rows = rowsOf('docs/graphql.md', 'Malformed requests');
  expect(rows.map(([code = '']) => unquoted(code)).toSorted()).toEqual(
    [...codes, 'BAD_USER_INPUT'].toSorted(),
  );
});

test('the table of alerts has every rule with its severity', () => {
  const source = new URL('../../deploy/prometheus/alerts.yaml', import.meta.url);
  const rules = [
    ...readFileSync(source, 'utf8').matchAll(/- alert: (\w+)[\s\S]*?severity: (\w+)/g),
  ].map(([, name, severity]) => [name, severity]);
  expect(rules.length).toBeGreaterThan(5);
  const rows = rowsOf('docs/operations.md', 'Alerts');
  expect(rows.map(([name = '', severity]) => [unquoted(name), severity])).toEqual(rules);
});

describe('log messages', () => {
  const source = new URL('../../src/', import.meta.url);
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(new URL(name, source), 'utf8'));
  const rows = rowsOf('docs/operations.md', 'Logs').map(([message = '', level = '']) => ({
    message: unquoted(message),
    level,
  }));

  test('every message of the table is in the code', () => {
    const code = files.join('\n');
    expect(rows.length).toBeGreaterThan(8);
    expect(rows.filter(({ message }) => !code.includes(`'${message}'`))).toEqual([]);
  });

  /** The warnings and errors of a file. A message can be a constant of the file. */
  const messagesOf = (code: string) =>
    [
      ...code.matchAll(/\blog\.(warn|error|fatal)\(\s*\{[^}]*\},\s*(?:'([^']+)'|(\w+)),?\s*\)/g),
    ].map(([, level = '', text, name]) => ({
      message: text ?? new RegExp(`const ${name} = '([^']+)'`).exec(code)?.[1] ?? name,
      level,
    }));

  test('every warning and error of the code is in the table, with its level', () => {
    const calls = files.flatMap((code) => code.match(/\blog\.(warn|error|fatal)\(/g) ?? []);
    const logged = files.flatMap(messagesOf);
    expect(logged.length).toBe(calls.length);
    // The job worker logs the messages of graphile-worker, which are in a variable.
    const own = logged.filter(({ message }) => message !== 'message');
    expect(own.filter((each) => !rows.some((row) => isSame(row, each)))).toEqual([]);
  });
});

interface LogMessage {
  readonly message: string | undefined;
  readonly level: string;
}

function isSame(row: LogMessage, other: LogMessage): boolean {
  return row.message === other.message && row.level === other.level;
}
