/** Attempts from given networks, for tests of rate limits. Needs `TRUST_PROXY=1`. */
import type { RestAnswer } from './client.ts';
import type { TestService } from './service.ts';

export const wrong = 'not the password at all';

let networks = 0;
/** An IPv4 address that this file has not used yet. */
export const newNetwork = () => `198.51.${Math.floor(++networks / 250)}.${networks % 250}`;

export const headersFrom = (network: string) => ({ 'x-forwarded-for': network });

export const loginFrom = (
  service: TestService,
  network: string,
  email: unknown,
  password: string,
): Promise<RestAnswer> =>
  service.rest('POST', '/login/', { json: { email, password }, headers: headersFrom(network) });

export const many = <Result>(count: number, work: (index: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

export async function inTurn<Result>(count: number, work: (index: number) => Promise<Result>) {
  const results: Result[] = [];
  for (let index = 0; index < count; index += 1) results.push(await work(index));
  return results;
}

export const statuses = (answers: readonly RestAnswer[]) => answers.map(({ status }) => status);
