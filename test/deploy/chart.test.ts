/**
 * The chart, rendered by Helm with many values, with long names and as a subchart. Without a cluster these
 * tests do not show that Kubernetes accepts the manifests. Skipped if Helm is not available.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { findHelm } from '../support/helm.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

const chart = fileURLToPath(new URL('../../deploy/chart', import.meta.url));
const helm = findHelm();
const directory = makeScratchDirectory('chart');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

// biome-ignore lint/suspicious/noExplicitAny: tests read manifests field by field
type Manifest = any;

interface Rendering {
  readonly release?: string;
  readonly values?: object;
  readonly path?: string;
}

let files = 0;

function run(words: readonly string[], values: object) {
  files += 1;
  const file = join(directory, `values-${files}.yaml`);
  writeFileSync(file, stringify(values));
  const options = { encoding: 'utf8' as const, env: { HOME: directory, PATH: process.env.PATH } };
  return spawnSync(helm ?? '', [...words, '--values', file], options);
}

/** The manifests by their kinds. */
function render({ release = 'auth', values = {}, path = chart }: Rendering = {}) {
  const { status, stdout, stderr } = run(['template', release, path, '--namespace', 'it'], values);
  if (status !== 0) throw new Error(stderr);
  const manifests: Manifest[] = parseAllDocuments(stdout).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
  const all = manifests.filter((manifest) => manifest !== null);
  return { all, of: (kind: string) => all.find((manifest) => manifest.kind === kind) };
}

const everything = {
  autoscaling: { enabled: true },
  ingress: { enabled: true, className: 'nginx', tlsSecret: 'tls', annotations: { a: 'b' } },
  networkPolicy: { enabled: true, from: [{ namespaceSelector: {} }] },
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  secret: { SECRET_KEY: 'of a test', DATABASE_URL: 'postgresql://db/auth' },
  environment: { EMAIL_CA_FILE: '/etc/mail/ca.pem' },
  imagePullSecrets: [{ name: 'registry' }],
  extraEnv: [{ name: 'REDIS_URL', valueFrom: { secretKeyRef: { name: 'redis', key: 'url' } } }],
  extraEnvFrom: [{ configMapRef: { name: 'more' } }],
  extraVolumes: [{ name: 'ca', configMap: { name: 'mail-ca' } }],
  extraVolumeMounts: [{ name: 'ca', mountPath: '/etc/mail', readOnly: true }],
  affinity: { podAntiAffinity: {} },
  nodeSelector: { disk: 'fast' },
  tolerations: [{ operator: 'Exists' }],
  topologySpreadConstraints: [{ maxSkew: 2, topologyKey: 'rack' }],
  podAnnotations: { note: 'pod' },
  podLabels: { team: 'it' },
  commonLabels: { owner: 'it' },
  serviceAccountName: 'auth',
  priorityClassName: 'high',
};

const kinds = [
  'Deployment',
  'HorizontalPodAutoscaler',
  'Ingress',
  'Job',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'Secret',
  'Service',
  'ServiceMonitor',
];

describe.skipIf(helm === undefined)('the chart', () => {
  test('helm lint reports no problem', () => {
    const { status, stdout } = run(['lint', '--strict', chart], everything);
    expect([status, stdout]).toEqual([0, expect.stringContaining('0 chart(s) failed')]);
  });

  test('by default it is ready for several replicas', () => {
    const { all, of } = render();
    expect(all.map(({ kind }) => kind).sort()).toEqual([
      'Deployment',
      'Job',
      'PodDisruptionBudget',
      'Service',
    ]);
    const pod = of('Deployment').spec.template.spec;
    expect(of('Deployment').spec.replicas).toBe(2);
    expect(pod.topologySpreadConstraints).toHaveLength(2);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65532 });
    const [container] = pod.containers;
    expect(container.envFrom).toEqual([{ secretRef: { name: 'gatehouse' } }]);
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
    expect(container.resources.limits).toHaveProperty('memory');
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
      expect(container[probe].httpGet.path).toMatch(/^\/health\//);
    }
    expect(of('Job').spec.template.spec.containers[0].args).toEqual(['migrate']);
  });

  test('every value is in the server and in the migration', () => {
    const { all, of } = render({ values: everything });
    expect(all.map(({ kind }) => kind).sort()).toEqual(kinds);
    const pods = [of('Deployment').spec.template, of('Job').spec.template];
    for (const { metadata, spec } of pods) {
      expect(metadata.labels).toMatchObject({ team: 'it', owner: 'it' });
      expect(spec).toMatchObject({
        imagePullSecrets: everything.imagePullSecrets,
        affinity: everything.affinity,
        nodeSelector: everything.nodeSelector,
        tolerations: everything.tolerations,
        serviceAccountName: 'auth',
        priorityClassName: 'high',
        volumes: [{ name: 'scratch' }, everything.extraVolumes[0]],
      });
      const [container] = spec.containers;
      expect(container.env).toContainEqual({ name: 'EMAIL_CA_FILE', value: '/etc/mail/ca.pem' });
      expect(container.env.at(-1)).toEqual(everything.extraEnv[0]);
      expect(container.envFrom).toEqual([
        { secretRef: { name: 'auth-gatehouse' } },
        { configMapRef: { name: 'more' } },
      ]);
      expect(container.volumeMounts.at(-1)).toEqual(everything.extraVolumeMounts[0]);
    }
    const { metadata, spec } = of('Deployment').spec.template;
    expect(metadata.annotations).toMatchObject({ note: 'pod' });
    expect(spec.topologySpreadConstraints).toEqual(everything.topologySpreadConstraints);
    expect(of('Deployment').spec).not.toHaveProperty('replicas');
    expect(of('ServiceMonitor').metadata.labels).toMatchObject({ release: 'prometheus' });
    expect(of('Secret').stringData).toEqual(everything.secret);
  });

  test('numbers and booleans of the environment are written as in the file', () => {
    const environment = { REFRESH_TOKEN_TTL: 1_209_600, DEBUG: false, EMAIL_PORT: '25' };
    const [container] = render({ values: { environment } }).of('Deployment').spec.template.spec
      .containers;
    expect(container.env).toEqual(
      expect.arrayContaining([
        { name: 'REFRESH_TOKEN_TTL', value: '1209600' },
        { name: 'DEBUG', value: 'false' },
        { name: 'EMAIL_PORT', value: '25' },
      ]),
    );
  });

  test('selectors select the correct pods and service', () => {
    const { of } = render({ values: everything });
    const server = of('Deployment').spec.template.metadata.labels;
    const migration = of('Job').spec.template.metadata.labels;
    const selectors = [
      of('Deployment').spec.selector.matchLabels,
      of('Service').spec.selector,
      of('PodDisruptionBudget').spec.selector.matchLabels,
    ];
    for (const selector of selectors) {
      expect(server).toMatchObject(selector);
      expect(migration).not.toMatchObject(selector);
    }
    const monitored = of('ServiceMonitor').spec;
    expect(of('Service').metadata.labels).toMatchObject(monitored.selector.matchLabels);
    expect(of('Service').spec.ports.map(({ name }: { name: string }) => name)).toEqual([
      monitored.endpoints[0].port,
    ]);
    // The job of deploy/prometheus and deploy/grafana.
    expect(of('Service').metadata.labels[monitored.jobLabel]).toBe('gatehouse');
    // The selector of a Deployment is immutable, so it must not contain the version.
    expect(Object.keys(of('Deployment').spec.selector.matchLabels)).not.toContain('helm.sh/chart');
  });

  test('pods are replaced when the Secret of the chart changes', () => {
    const checksum = (secret: object) =>
      render({ values: { ...everything, secret } }).of('Deployment').spec.template.metadata
        .annotations['checksum/secret'];
    expect(checksum({ SECRET_KEY: 'one' })).toMatch(/^[0-9a-f]{64}$/);
    expect(checksum({ SECRET_KEY: 'one' })).toBe(checksum({ SECRET_KEY: 'one' }));
    expect(checksum({ SECRET_KEY: 'one' })).not.toBe(checksum({ SECRET_KEY: 'two' }));
  });

  test.each([
    ['auth', 'auth-gatehouse'],
    ['gatehouse', 'gatehouse'],
    ['a'.repeat(53), `${'a'.repeat(53)}-g`],
    [`${'a'.repeat(45)}gatehous`, `${'a'.repeat(45)}gatehous-g`],
  ])('the names of the release %s are short enough', (release, name) => {
    const { all, of } = render({ release, values: everything });
    expect(of('Service').metadata.name).toBe(name);
    for (const { kind, metadata } of all) {
      expect([kind, metadata.name]).toEqual([kind, expect.stringMatching(/^[a-z0-9-]{1,63}$/)]);
      expect(metadata.name).not.toMatch(/-$/);
      for (const value of Object.values(metadata.labels)) {
        expect(String(value)).toMatch(/^[A-Za-z0-9._-]{1,63}$/);
      }
    }
    expect(new Set(all.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).size).toBe(
      all.length,
    );
  });

  test('two subcharts have objects with different names', () => {
    const parent = join(directory, 'parent');
    for (const name of ['staff', 'customers']) {
      mkdirSync(join(parent, 'charts'), { recursive: true });
      cpSync(chart, join(parent, 'charts', name), { recursive: true });
      const file = join(parent, 'charts', name, 'Chart.yaml');
      writeFileSync(file, `apiVersion: v2\nname: ${name}\nversion: 1.0.0\nappVersion: "1"\n`);
    }
    writeFileSync(join(parent, 'Chart.yaml'), 'apiVersion: v2\nname: shop\nversion: 1.0.0\n');
    const values = {
      global: { region: 'eu' },
      staff: everything,
      customers: { ...everything, fullnameOverride: 'accounts' },
    };
    const { all } = render({ release: 'shop', path: parent, values });
    const names = (start: string) =>
      all.filter(({ metadata }) => metadata.name.startsWith(start)).map(({ kind }) => kind);
    expect(names('shop-staff').sort()).toEqual(kinds);
    expect(names('accounts').sort()).toEqual(kinds);
    const selectors = all
      .filter(({ kind }) => kind === 'Service')
      .map(({ spec }) => JSON.stringify(spec.selector));
    expect(new Set(selectors).size).toBe(2);
  });

  test.each<[string, object]>([
    ['/replicas', { replicas: 'two' }],
    ['/image/pullPolicy', { image: { pullPolicy: 'Sometimes' } }],
    ["'imagePullSecret'", { imagePullSecret: [] }],
    ["'hosts'", { ingress: { hosts: [] } }],
    ['/service/port', { service: { port: 70_000 } }],
    ['public-url', { environment: { 'public-url': 'https://auth.example.com' } }],
    ['existingSecret or secret', { existingSecret: '' }],
  ])('an invalid value is refused: %s', (fault, values) => {
    expect(() => render({ values })).toThrow(fault);
  });
});
