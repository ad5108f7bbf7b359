/** Tests of the unit tier cannot start servers, open connections or start processes. */
import { execFile, execFileSync, execSync, spawnSync } from 'node:child_process';
import { createServer as createHttpServer, get } from 'node:http';
import { connect, createServer } from 'node:net';
import { expect, inject, test } from 'vitest';

test.each([
  ['connects to a server', 'opens a connection', () => connect(5432, '127.0.0.1')],
  ['sends an HTTP request', 'opens a connection', () => get('http://127.0.0.1:4000')],
  ['starts an HTTP server', 'listens on a port', () => createHttpServer().listen(0)],
  ['starts another server', 'listens on a port', () => createServer().listen(0)],
  ['starts a program', 'starts a process', () => execFile('true')],
  ['waits for a program', 'starts a process', () => spawnSync('true')],
  ['reads from a program', 'starts a process', () => execFileSync('true')],
  ['reads from a shell', 'starts a process', () => execSync('true')],
])('a unit test that %s fails', (_act, reason, act) => {
  expect(act).toThrow(`a unit test ${reason}`);
});

test('a unit test has no database', () => {
  expect(inject('templateUrl')).toBeUndefined();
});
