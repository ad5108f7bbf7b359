/** The people of a Django service like dj-auth, as they are. */
import type { DjangoAccount, DjangoData } from './django.ts';

/** Everybody has another password. */
export const passwordOf = (name: string) => `Harbour-${name}-62`;

const person = (name: string, fields: Partial<DjangoAccount> = {}): DjangoAccount => ({
  email: `${name}@example.net`,
  first_name: 'Person',
  last_name: name,
  is_active: true,
  password: passwordOf(name),
  ...fields,
});

/** One for each algorithm of Django 3.2. */
const strongHashers = ['pbkdf2_sha256', 'pbkdf2_sha1', 'argon2', 'bcrypt_sha256', 'bcrypt'];
export const weakHashers = ['sha1', 'md5', 'unsalted_sha1', 'unsalted_md5'];
const byHasher = [...strongHashers, ...weakHashers].map((hasher) =>
  person(hasher.replaceAll('_', '-'), { hasher }),
);

const inactive = { is_active: false };

export const djangoPeople: DjangoData = {
  groups: [
    {
      name: 'Editors',
      description: 'Write articles',
      permissions: ['shop.view_order', 'users.view_user'],
    },
    // dj-auth has a group of superusers with the name that Gatehouse reserves for it.
    { name: 'Root', description: 'Superusers Group', permissions: ['users.delete_user'] },
  ],
  people: [
    person('marie', {
      username: 'marie',
      groups: ['Editors'],
      permissions: ['shop.refund_order'],
      phone: '+33 1 23 45',
      order: 'lamp',
      last_login: '2026-10-01T08:30:00Z',
    }),
    ...byHasher,
    person('no-password', { password: undefined }),
    person('left', { ...inactive, last_login: '2026-01-01T00:00:00Z' }),
    person('unconfirmed', { ...inactive, code: 'A1B2C3' }),
    person('staff', { is_staff: true, groups: ['Editors'] }),
    person('boss', { is_staff: true, is_superuser: true, groups: ['Root'] }),
    person('case', { email: 'MARIE@example.net', username: 'Marie2' }),
    person('zoe', { email: 'zoë@example.net', first_name: 'Zoë', last_name: 'de "la" Cruz' }),
    person('grace', { email: 'Grace.Hopper@Example.NET', last_name: '' }),
    person('two-words', { username: 'two words' }),
    // These two do not log in until the way back.
    person('sleeping', { hasher: 'md5' }),
    person('away'),
  ],
};
