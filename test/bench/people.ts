/** Users of the benchmark, inserted into the database as after a registration, and their requests. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { hash } from '@node-rs/argon2';
import { withoutSearchIndex } from '../support/search-index.ts';
import {
  type ClientName,
  type ClientRequest,
  fromNetwork,
  requestOf,
  usual,
} from './clients/requests.ts';
import type { BenchDatabase } from './env.ts';

export const password = 'correct horse battery staple';

/** The default hash parameters of Gatehouse. */
export const hashParameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Names that differ like those of people, so that a search finds one of them. */
export function nameOf(person: number): string {
  return createHash('md5').update(String(person)).digest('hex').slice(0, 10);
}

export function addressOf(person: number): string {
  return `${nameOf(person)}.${person}@example.com`;
}

/** Adds users 1 to `count` with the same password; existing users are not changed. */
export async function seedPeople({ pool }: BenchDatabase, count: number): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('set synchronous_commit = off');
    const query = async (sql: string) => (await client.query(sql)).rows;
    await withoutSearchIndex(query, async () => {
      await client.query(
        `insert into users (id, email, username, first_name, last_name, status, locale, created_at, updated_at)
         select gen_random_uuid(), left(md5(n::text), 10) || '.' || n || '@example.com', null, 'Ada', 'Lovelace', 'ACTIVE', 'en',
           timestamptz '2026-01-01' + n * interval '1 second', now()
         from generate_series(1, $1::int) n on conflict do nothing`,
        [count],
      );
      await client.query(
        `insert into password_hashes select id, $1, now() from users on conflict do nothing`,
        [await hash(password, hashParameters)],
      );
    });
    await client.query('vacuum (analyze)');
  } finally {
    client.release();
  }
}

export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** A login as a client sends it, from the network of the user. */
export function loginRequest(person: number, client: ClientName = usual): ClientRequest {
  const values = { EMAIL: addressOf(person), PASSWORD: password };
  return fromNetwork(requestOf(client, 'login', values), person);
}

/** A registration of a new address, from a network of its own. */
export function registerRequest(number: number): ClientRequest {
  const values = { EMAIL: `new-${number}@example.com`, PASSWORD: 'a long and unusual passphrase' };
  return fromNetwork(requestOf(usual, 'register', values), number);
}

export async function logIn(address: string, person: number): Promise<Tokens> {
  const data = await ask(address, loginRequest(person));
  return data.login as Tokens; // as in the document
}

/** The first login of an inserted user also creates its key of the audit log, as a registration does otherwise. */
export async function logInAll(address: string, people: number): Promise<void> {
  for (let person = 1; person <= people; person += 1) await logIn(address, person);
}

interface Answer {
  readonly data?: Readonly<Record<string, unknown>>;
  readonly errors?: readonly {
    readonly extensions?: { readonly code?: string; readonly retryAfter?: number };
  }[];
}

/** Sends a GraphQL request and returns its data. It waits and tries again while the service is overloaded. */
export async function ask(
  address: string,
  request: ClientRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const { method, path, headers, body } = request;
  const options = { method, headers, ...(body === undefined ? {} : { body }) };
  const response = await fetch(`${address}${path}`, options);
  const { data, errors } = (await response.json()) as Answer; // a GraphQL response
  const { code, retryAfter = 1 } = errors?.[0]?.extensions ?? {};
  if (code === 'OVERLOADED') {
    await sleep(retryAfter * 1000);
    return ask(address, request);
  }
  if (!data || errors) throw new Error(JSON.stringify(errors));
  return data;
}
