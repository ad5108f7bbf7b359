/** Warnings of variables with a name that is almost the name of one of ours. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Environment } from '../../src/config/config.ts';
import { findMisspellings } from '../../src/config/misspelled-variables.ts';
import { emptyDirectory, scratch, useConfigFiles } from './environments.ts';

useConfigFiles();

const find = (environment: Environment, directory = emptyDirectory) =>
  findMisspellings(environment, directory).map(({ name, meant }) => `${name} ${meant}`);

test.each([
  ['CORS_ALLOWED_ORIGIN', 'CORS_ALLOWED_ORIGINS'],
  ['CORS_ALLOW_ORIGINS', 'CORS_ALLOWED_ORIGINS'],
  ['CORSALLOWEDORIGIN', 'CORS_ALLOWED_ORIGINS'],
  ['APPNAME', 'APP_NAME'],
  ['SECRETKEY', 'SECRET_KEY'],
  ['SERCET_KEY', 'SECRET_KEY'],
  ['secret_key', 'SECRET_KEY'],
  ['DATABASEURL', 'DATABASE_URL'],
  ['DATABSE_URL', 'DATABASE_URL'],
  ['MAIL_HOST', 'EMAIL_HOST'],
  ['EMAIL_HOST_PASSWD', 'EMAIL_HOST_PASSWORD'],
  ['ALLOWED_HOST', 'ALLOWED_HOSTS'],
  ['RATE_LIMIT', 'RATE_LIMITS'],
  ['TRUSTPROXY', 'TRUST_PROXY'],
  ['PUBLIC_URI', 'PUBLIC_URL'],
  ['WORKER', 'WORKERS'],
  ['PORTS', 'PORT'],
])('%s can mean %s', (name, meant) => {
  expect(find({ [name]: 'a value' })).toEqual([`${name} ${meant}`]);
  expect(find({ [name]: 'a value', [meant]: 'another' })).toEqual([]);
  expect(find({ [name]: '' })).toEqual([]);
});

test('the .env file counts as well', () => {
  const directory = join(scratch, 'misspelled');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, '.env'), 'SECRETKEY=x\nAPP_NAME=Shop\n');
  expect(find({ APPNAME: 'Shop' }, directory)).toEqual(['SECRETKEY SECRET_KEY']);
});

const debian =
  'SHELL PWD OLDPWD LOGNAME USER HOME LANG LC_ALL LS_COLORS LESSOPEN TERM COLORTERM NO_COLOR SHLVL PATH MAIL EMAIL ' +
  'EDITOR VISUAL PAGER DISPLAY HOSTNAME HOSTTYPE OSTYPE MACHTYPE TZ TMPDIR XDG_RUNTIME_DIR XDG_SESSION_ID ' +
  'DBUS_SESSION_BUS_ADDRESS SSH_CLIENT SSH_CONNECTION SSH_TTY SUDO_USER DEBIAN_FRONTEND DEBFULLNAME http_proxy ' +
  'https_proxy no_proxy PS1 INVOCATION_ID JOURNAL_STREAM NOTIFY_SOCKET';
const node =
  'NODE NODE_OPTIONS NODE_PATH NODE_VERSION NODE_EXTRA_CA_CERTS NVM_DIR COLOR INIT_CWD npm_command npm_execpath ' +
  'npm_config_user_agent npm_package_name npm_lifecycle_event YARN_VERSION';
const continuousIntegration =
  'CI GITHUB_ACTIONS GITHUB_TOKEN GITHUB_SHA GITHUB_REF GITHUB_ENV GITHUB_API_URL GITHUB_SERVER_URL GITHUB_WORKSPACE ' +
  'GITHUB_RUN_ID GITHUB_JOB GITHUB_PATH RUNNER_OS RUNNER_ARCH RUNNER_NAME RUNNER_TEMP RUNNER_DEBUG RUNNER_TOOL_CACHE ' +
  'ACTIONS_CACHE_URL ACTIONS_RUNTIME_URL ACTIONS_RUNTIME_TOKEN ImageOS ImageVersion CI_JOB_TOKEN CI_PROJECT_URL';
const programs =
  'PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB API_URL APP_HOME APP_MODE ' +
  'APP_ENV APP_KEY APP_DEBUG BASE_URL SITE_URL DATABASE_SSL DATABASE_USER DATABASE_NAME DB_HOST REDIS_HOST REDIS_PASSWORD ' +
  'API_NAME API_URLS SMTP_HOST AWS_REGION AWS_SECRET_ACCESS_KEY GOOGLE_APPLICATION_CREDENTIALS OTEL_EXPORTER_OTLP_PROTOCOL ' +
  'OTEL_RESOURCE_ATTRIBUTES OTEL_TRACES_EXPORTER JAVA_HOME GOPATH VIRTUAL_ENV PYTHONPATH DYNO POST HOSE SORT';

test.each([
  ['Debian', debian],
  ['Node', node],
  ['continuous integration', continuousIntegration],
  ['other programs', programs],
])('no variable of %s can mean one of ours', (_, names) => {
  expect(find(Object.fromEntries(names.split(' ').map((name) => [name, '1'])))).toEqual([]);
});

test('the links of Kubernetes to services cannot mean one of ours', () => {
  const links = ['GATEHOUSE', 'MAIL', 'REDIS', 'APP', 'DATABASE', 'POSTGRES'].flatMap((service) => [
    [`${service}_PORT`, 'tcp://10.0.0.7:4000'],
    [`${service}_SERVICE_HOST`, '10.0.0.7'],
    [`${service}_SERVICE_PORT`, '4000'],
    [`${service}_SERVICE_PORT_HTTP`, '4000'],
    [`${service}_PORT_4000_TCP`, 'tcp://10.0.0.7:4000'],
    [`${service}_PORT_4000_TCP_PROTO`, 'tcp'],
    [`${service}_PORT_4000_TCP_PORT`, '4000'],
    [`${service}_PORT_4000_TCP_ADDR`, '10.0.0.7'],
  ]);
  expect(find({ ...Object.fromEntries(links), KUBERNETES_SERVICE_HOST: '10.0.0.1' })).toEqual([]);
});
