/**
 * The files in `deploy/` agree with the service: variables, commands, paths and ports. The other tests of
 * this directory run the files.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { rawRequest } from '../support/raw-request.ts';
import { exchange } from '../support/raw-socket.ts';
import { startService, type TestService } from '../support/service.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const compose = parse(read('deploy/compose/compose.yaml'), { merge: true });
const values = parse(read('deploy/chart/values.yaml'));
const templateNames = readdirSync(join(root, 'deploy/chart/templates'));
const templates = templateNames.map((name) => ({
  name,
  text: read(`deploy/chart/templates/${name}`),
}));
const containerfile = read('deploy/Containerfile');
const balancer = 'deploy/compose/haproxy.cfg';

describe('variables', () => {
  const source = read('src/config/variables.ts');
  const known = new Set(
    [...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)].map(([, name = '']) => name),
  );
  const named: Readonly<Record<string, readonly string[]>> = {
    'the image': [...containerfile.matchAll(/\b([A-Z_]+)=\S+/g)].map(([, name = '']) => name),
    'compose.yaml': Object.keys(compose.services.gatehouse.environment),
    'gatehouse.example.env': Object.keys(parseEnv(read('deploy/compose/gatehouse.example.env'))),
    'the chart': Object.keys(values.environment),
    "the chart's secret": read('deploy/chart/values.yaml')
      .split('existingSecret')[0]
      ?.match(/\b[A-Z]+_[A-Z_]+\b/g) as string[],
  };

  test.each(Object.entries(named))('%s: the service reads every variable', (_where, names) => {
    expect(names.length).toBeGreaterThan(1);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  test('together they are all required variables of production', () => {
    const needed =
      /const requiredInProduction = \[([^\]]*)\]/
        .exec(read('src/config/config.ts'))?.[1]
        ?.match(/\w+/g) ?? [];
    expect(needed.length).toBeGreaterThan(3);
    for (const name of needed) expect(named['gatehouse.example.env']).toContain(name);
    const chart = [...(named['the chart'] ?? []), ...(named["the chart's secret"] ?? [])];
    for (const name of needed) expect(chart).toContain(name);
  });
});

test('every command in the files exists', () => {
  const commands = readdirSync(join(root, 'src/cli/commands'))
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...read(`src/cli/commands/${name}`).matchAll(/command: '(\w+)/g)])
    .map(([, command]) => command);
  const run = [
    ...[...containerfile.matchAll(/^CMD \["(\w+)"\]/gm)].map(([, command]) => command),
    compose.services.gatehouse.command[0],
    compose.services.migrate.command[0],
    ...templates.flatMap(({ text }) => [...text.matchAll(/args: \[(\w+)\]/g)].map(([, it]) => it)),
  ];
  expect(run).toEqual(['serve', 'serve', 'migrate', 'serve', 'migrate']);
  for (const command of run) expect(commands).toContain(command);
});

test('the files that the image copies exist, and its launcher runs', () => {
  const copied = [...containerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
    ([, sources = '']) => sources.split(' '),
  );
  expect(copied.length).toBeGreaterThan(5);
  for (const source of copied)
    expect([source, existsSync(join(root, source))]).toEqual([source, true]);
  const [, launcher = ''] = /^ENTRYPOINT \["node", "(.+)"\]$/m.exec(containerfile) ?? [];
  expect(execFileSync(process.execPath, [join(root, launcher), '--help']).toString()).toContain(
    'serve',
  );
});

describe('probes', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.close());

  test('use paths that are served, with any Host', async () => {
    const texts = [containerfile, read(balancer), ...templates.map(({ text }) => text)].join('\n');
    const paths = [...new Set(texts.match(/\/health\/\w+/g))];
    expect(paths.sort()).toEqual(['/health/live', '/health/ready']);
    for (const path of paths) {
      const headers = { host: '10.1.2.3:4000' }; // a pod's
      const answer = await rawRequest(service.address, ['GET', path], { headers });
      expect([path, answer.status]).toEqual([path, 200]);
    }
  });

  test.each(['/health/live', '/health/ready'])('%s works without and with a Host', async (path) => {
    const status = async (head: string) =>
      (await exchange(service.address, `GET ${path} ${head}\r\nConnection: close\r\n\r\n`)).status;
    expect(await status('HTTP/1.0')).toBe(200);
    expect(await status('HTTP/1.1')).toBe(200);
    expect(await status('HTTP/1.1\r\nHost: 10.1.2.3')).toBe(200);
    expect(await status('HTTP/1.1\r\nHost: a\r\nHost: b')).toBe(400);
  });

  test('other paths need a Host', async () => {
    const bytes = 'GET /auth/profile/view/ HTTP/1.0\r\nConnection: close\r\n\r\n';
    expect((await exchange(service.address, bytes)).status).toBe(400);
  });

  test('all files use the same port', () => {
    const port = Number(/PORT=(\d+)/.exec(containerfile)?.[1]);
    expect(containerfile).toContain(`EXPOSE ${port}\n`);
    expect(read(balancer)).toMatch(new RegExp(`^  server-template .* gatehouse:${port}$`, 'm'));
    const deployment = templates.find(({ name }) => name === 'deployment.yaml')?.text ?? '';
    expect(deployment).toContain(`containerPort: ${port}\n`);
  });
});

describe('the chart', () => {
  test('every value is used, and every used value exists', () => {
    const used = templates.flatMap(({ text }) =>
      [...text.matchAll(/\.Values\.([\w.]+)/g)].map(([, path = '']) => path),
    );
    expect(used.length).toBeGreaterThan(30);
    for (const path of used) {
      const found = path.split('.').reduce((at, name) => at?.[name], values);
      expect([path, found !== undefined]).toEqual([path, true]);
    }
    for (const name of Object.keys(values)) {
      expect([name, used.some((path) => path.split('.')[0] === name)]).toEqual([name, true]);
    }
  });
});

test('every file of the compose files exists, or its creation is documented', () => {
  const overlay = parse(read('deploy/compose/compose.tls.yaml'));
  const files = Object.values<{ volumes?: string[]; env_file?: string }>(compose.services).flatMap(
    ({ volumes = [], env_file: variables }) => [
      ...volumes.map((volume) => volume.split(':')[0] ?? '').filter((path) => path.startsWith('.')),
      ...(variables === undefined ? [] : [variables.replace(/\.env$/, '.example.env')]),
    ],
  );
  expect(new Set(files).size).toBe(4);
  for (const file of files) {
    expect([file, existsSync(join(root, 'deploy/compose', file))]).toEqual([file, true]);
  }
  expect(Object.keys(overlay.services)).toEqual(['balancer']);
  expect(read(balancer)).toContain('.if defined(TLS_CERTIFICATE)');
  expect(overlay.services.balancer.environment).toHaveProperty('TLS_CERTIFICATE');
});

test('the services of the compose file wait for services that exist', () => {
  const names = Object.keys(compose.services);
  expect(names.sort()).toEqual(['balancer', 'gatehouse', 'migrate', 'postgres', 'valkey']);
  expect(compose.services.gatehouse.deploy.replicas).toBe(2);
  const needed = Object.values<{ depends_on?: object }>(compose.services).flatMap(
    ({ depends_on: others = {} }) => Object.keys(others),
  );
  expect(needed.length).toBeGreaterThan(3);
  for (const name of needed) expect(names).toContain(name);
});
