/** DATABASE_URL: the meaning of each part, and messages for invalid URLs without their passwords. */
import { expect, test } from 'vitest';
import { faultsOf, read, useConfigFiles } from './environments.ts';

useConfigFiles();

test.each([
  [
    'postgresql://me:secret@db:6000/auth',
    { host: 'db', port: 6000, user: 'me', password: 'secret' },
  ],
  ['postgres://me@db/auth', { host: 'db', port: 5432, password: undefined, tls: undefined }],
  ['postgresql://me:x@[::1]:6000/auth', { host: '::1', port: 6000 }],
  ['postgresql://me:x@/auth?host=/var/run/postgresql', { host: '/var/run/postgresql', port: 5432 }],
  ['postgresql://me:x@%2Fvar%2Frun/auth', { host: '/var/run' }],
  ['postgresql:///?host=db&port=6000&user=me&password=x&dbname=auth', { host: 'db', port: 6000 }],
  ['postgresql://me:x@/auth', { host: 'localhost' }],
  [
    'postgresql://a%40b:p%40s%2Fs%25ss%3A%23%3F@db/au%20th',
    { user: 'a@b', password: 'p@s/s%ss:#?', database: 'au th' },
  ],
  ['postgresql://me:p@ss:w&r d!@db/auth', { password: 'p@ss:w&r d!' }],
  [
    'postgresql://me:x@db/auth?schema=auth',
    { schema: 'auth', options: '-c search_path="auth",public' },
  ],
  [
    'postgresql://me:x@db/auth?schema=public',
    { schema: 'public', options: '-c search_path=public' },
  ],
  [
    'postgresql://me:x@db/auth?options=-c search_path=auth,public',
    { schema: 'auth', options: '-c search_path=auth,public' },
  ],
  [
    'postgresql://me:x@db/auth?options=-csearch_path%3DAuth%20--work_mem%3D8MB',
    { schema: 'auth', options: '-c search_path=Auth -c work_mem=8MB' },
  ],
  ['postgresql://me:x@db/auth?options=-c+search_path="$user",public', { schema: undefined }],
  ['postgresql://me:x@db/auth?application_name=sso', { applicationName: 'sso' }],
  ['postgresql://me:x@db/auth?target_session_attrs=read-write', { host: 'db' }],
  ['postgresql://me:x@db/auth?sslmode=disable', { tls: undefined }],
  ['postgresql://me:x@db/auth?sslmode=require', { tls: { mode: 'require' } }],
  [
    'postgresql://me:x@db/auth?sslmode=verify-full&sslrootcert=system',
    { tls: { mode: 'verify-full', ca: undefined } },
  ],
])('%s', (url, meaning) => {
  expect(read({ DATABASE_URL: url }).database).toMatchObject(meaning);
});

test.each([
  [
    'postgresql://me:top%secret@db/auth',
    /% in the password that does not start an escape sequence; write a percent sign as %25/,
  ],
  ['postgresql://me:top%ss@db/auth', /% in the password/],
  ['postgresql://me:top/secret@db/auth', /write @ as %40, : as %3A, \/ as %2F/],
  ['postgresql://me:top#secret@db/auth', /# as %23/],
  ['postgresql://me:x@one:1,two:2/auth', /must look like/],
  ['postgresql://me:x@one,two/auth', /one host, not several/],
  ['postgresql://db/auth', /must name a user/],
  ['postgresql://me:x@db', /must name a database/],
  ['postgresql://me:x@db:0/auth', /port from 1 to 65535/],
  ['postgresql://me:x@db/auth?port=http', /port from 1 to 65535/],
  [
    'postgresql://me:x@db/auth?connect_timeout=3',
    /parameter connect_timeout, which is not supported; supported are host, port/,
  ],
  ['postgresql://me:x@db/auth?ssl=true', /parameter ssl, which is not supported/],
  ['postgresql://me:x@db/auth?pgbouncer=true', /parameter pgbouncer/],
  ['postgresql://me:x@db/auth?__proto__=x', /parameter __proto__/],
  ['postgresql://me:x@db/auth?sslmode=disable&sslmode=require', /sslmode twice/],
  ['postgresql://me:x@db/auth?sslmode=prefer', /may use plain text/],
  [
    'postgresql://me:x@db/auth?sslmode=no-verify',
    /sslmode that is none of disable, require, verify-ca, verify-full/,
  ],
  ['postgresql://me:x@db/auth?sslmode=verify-ca', /needs sslrootcert/],
  [
    'postgresql://me:x@db/auth?sslrootcert=/etc/ssl/ca.pem',
    /sslrootcert, which needs sslmode=verify-full/,
  ],
  ['postgresql://me:x@db/auth?sslmode=verify-full&sslrootcert=ca.pem', /no absolute path/],
  [
    'postgresql://me:x@db/auth?sslmode=verify-full&sslrootcert=/nowhere/ca.pem',
    /\/nowhere\/ca.pem, which cannot be read/,
  ],
  ['postgresql://me:x@db/auth?sslmode=verify-full&sslrootcert=/etc/passwd', /no PEM file/],
  ['postgresql://me:x@db/auth?sslmode=require&sslcert=/c.pem', /set both or neither/],
  ['postgresql://me:x@/auth?host=/run/postgresql&sslmode=require', /a Unix socket has no TLS/],
  ['postgresql://me:x@db/auth?target_session_attrs=standby', /target_session_attrs/],
  [
    'postgresql://me:x@db/auth?options=-c datestyle=German',
    /datestyle in options, which the service sets itself/,
  ],
  ['postgresql://me:x@db/auth?options=search_path=auth', /not like -c name=value/],
  ['postgresql://me:x@db/auth?schema=a&options=-c search_path=b', /leave one of them out/],
  ['postgresql://me:x@db/auth?schema=', /a schema that is no name/],
])('%s is refused', (url, fault) => {
  const message = faultsOf({ DATABASE_URL: url }).join('; ');
  expect(message).toMatch(/^DATABASE_URL /);
  expect(message).toMatch(fault);
  expect(message).not.toMatch(/top|secret|me:/);
});

test('both URLs have the same rules', () => {
  const environment = {
    DATABASE_URL: 'postgresql://me@pooler:6432/auth',
    DATABASE_DIRECT_URL: 'postgresql://me@db/auth?ssl=1',
  };
  expect(() => read(environment)).toThrow(/DATABASE_DIRECT_URL has the parameter ssl/);
});
