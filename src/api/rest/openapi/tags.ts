/** The chapters of the OpenAPI document, from the paths of the routes. */
import type { RestRoute } from '../route.ts';

export interface Tag {
  readonly name: string;
  readonly description: string;
}

/** Tags by the first segment of a path, after `admin`. */
const tags: Readonly<Record<string, Tag>> = {
  register: { name: 'Registration', description: 'Registration and verification of the address.' },
  login: { name: 'Sessions', description: 'Login, renewal of tokens and logout.' },
  profile: { name: 'Profile', description: 'The account and the rights of the caller.' },
  password: { name: 'Passwords', description: 'Password reset by mail.' },
  users: { name: 'Users', description: 'Administration of accounts.' },
  groups: { name: 'Groups', description: 'Administration of groups and of their permissions.' },
  permissions: { name: 'Permissions', description: 'Administration of permissions.' },
  service_accounts: {
    name: 'Service accounts',
    description: 'Administration of callers without a mail address and a password.',
  },
  api_keys: { name: 'API keys', description: 'API keys of the caller and of service accounts.' },
  registrations: {
    name: 'Registrations',
    description: 'Administration of registrations that are not confirmed yet.',
  },
};

const synonyms: Readonly<Record<string, string>> = { token: 'login', logout: 'login' };

export function tagOf({ path }: RestRoute): Tag {
  const segments = path.split('/').filter((each) => each !== '' && each !== 'admin');
  const [segment = ''] = segments;
  return tags[synonyms[segment] ?? segment] ?? defaultTag(segment.replaceAll('_', ' '));
}

function defaultTag(words: string): Tag {
  const name = words.charAt(0).toUpperCase() + words.slice(1);
  return { name, description: `Operations on ${words}.` };
}
