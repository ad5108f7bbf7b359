/** The groups of the application context in docs/architecture.md are the groups of the code. */
import { expect, test } from 'vitest';
import { startService } from '../support/service.ts';
import { rowsOf } from './pages.ts';

const groupNames = ['auth', 'users', 'admin', 'audit', 'oauth', 'mail', 'jobs'] as const;

const namesIn = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

test('docs/architecture.md lists every service of the application context', async () => {
  await using service = await startService();
  const { app } = service;
  const { auth, users, admin, audit, oauth, mail, jobs, ...infrastructure } = app;
  const expected = [
    ...groupNames.map((name) => [`app.${name}`, Object.keys(app[name]).sort()]),
    ['app', Object.keys(infrastructure).sort()],
  ];
  const rows = rowsOf('docs/architecture.md', 'Application context');
  expect(rows.map(([group, services]) => [namesIn(group)[0], namesIn(services).sort()])).toEqual(
    expected,
  );
});
