/** Each environment variable by itself: its default, its valid texts, and the message for an invalid one. */
import { describe, expect, test } from 'vitest';
import { admin, faultsOf, read, useConfigFiles } from './environments.ts';
import { brandVariables } from './tables/brand.ts';
import { httpVariables } from './tables/http.ts';
import { mailVariables } from './tables/mail.ts';
import { securityVariables } from './tables/security.ts';
import type { Variable } from './tables/variable.ts';

useConfigFiles();

const variables: Readonly<Record<string, Variable>> = {
  ...securityVariables,
  ...mailVariables,
  ...httpVariables,
  ...brandVariables,
};

/** One row for each text of a variable, for test.each. */
function rows<Row>(pick: (variable: Variable) => readonly Row[]) {
  return Object.entries(variables).flatMap(([name, variable]) =>
    pick(variable).map((row) => ({ name, variable, row })),
  );
}

describe('a variable', () => {
  test.each(rows(({ defaultValue }) => [defaultValue]))(
    '$name defaults to $row',
    ({ variable, row }) => {
      const { EMAIL_HOST } = variable.requires ?? {};
      expect(variable.valueOf(read({ EMAIL_HOST }))).toEqual(row);
    },
  );

  test.each(rows(({ valid }) => valid))('$name can be $row.0', ({ name, variable, row }) => {
    const [text, value] = row;
    const { EMAIL_HOST = name.startsWith('EMAIL_') ? 'mail.example.com' : undefined } =
      variable.requires ?? {};
    expect(variable.valueOf(read({ EMAIL_HOST, ...variable.requires, [name]: text }))).toEqual(
      value,
    );
  });

  test.each(rows(({ valid }) => valid.slice(0, 1)))(
    '$name as an empty text counts as unset',
    ({ name, variable }) => {
      const { EMAIL_HOST } = variable.requires ?? {};
      expect(variable.valueOf(read({ EMAIL_HOST, [name]: '' }))).toEqual(variable.defaultValue);
    },
  );

  test.each(rows(({ invalid }) => invalid))(
    '$name must not be $row',
    ({ name, variable: { requires, remedy = /./ }, row }) => {
      const [fault = 'none', ...others] = faultsOf({ ...requires, [name]: row });
      expect(fault).toMatch(new RegExp(`^${name} `));
      expect(fault).toMatch(remedy);
      for (const other of others) expect(other).toMatch(new RegExp(`^${name} `));
    },
  );

  // Without these checks another part of the service would fail later, without the name of the variable.
  test.each([
    ['DEFAULT_ADMIN_EMAIL', 'root', { DEFAULT_ADMIN_PASSWORD: admin.DEFAULT_ADMIN_PASSWORD }],
    ['EMAIL_HOST', 'smtp://mail.example.com', {}],
    ['EMAIL_HOST', 'mail.example.com:25', {}],
    ['EMAIL_FROM', 'gatehouse', {}],
    ['ALLOWED_HOSTS', 'https://auth.example.com', {}],
    ['ALLOWED_HOSTS', 'auth.example.com:443', {}],
    ['ALLOWED_HOSTS', ',', {}],
    ['HOST', 'http://0.0.0.0', {}],
  ])('%s must not be %s, which would fail later', (name, text, requires) => {
    expect(faultsOf({ ...requires, [name]: text })).toEqual([
      expect.stringMatching(new RegExp(`^${name} `)),
    ]);
  });
});

test('all faults are reported at once, each with its variable', () => {
  const faulty = rows(({ invalid }) => invalid.slice(0, 1));
  const environment = Object.fromEntries(faulty.map(({ name, row }) => [name, row]));
  const named = faultsOf(environment).map((fault) => fault.split(' ')[0]);
  expect(new Set(named)).toEqual(new Set(faulty.map(({ name }) => name)));
});
