/** `me`, the profile and a permission: the hot path, relative to Apollo Server with a constant result. */
import { restRoutes } from '../../../src/api/rest/routes.ts';
import type { BenchEnv } from '../env.ts';
import { httpSubject, interleave, named, ratio } from '../measure.ts';
import { graphqlLoad, jsonHeaders, logIn, seedPeople } from '../people.ts';
import { benchFile, startServer } from '../process.ts';
import type { PartResult } from '../report.ts';

const connections = 32;

/** The operation of `GET profile/view/`; `me` requests the same fields. */
const profileDocument = restRoutes.find(({ path }) => path === '/profile/view/')?.document ?? '';
export const meDocument = profileDocument.replace('result: me', 'me');
const permissionDocument = '{ hasPermission(permission: "users.view_user") }';

export async function measureMe(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('me');
  await using ours = await env.gatehouse(database);
  await using limit = await startServer({
    command: [benchFile('./limits/apollo.ts'), profileDocument],
  });
  await seedPeople(database, 10);
  const { accessToken } = await logIn(ours.address, 1);
  const request = { accessToken, connections };
  const me = [JSON.stringify({ query: meDocument })];
  const permission = [JSON.stringify({ query: permissionDocument })];
  const rest = { method: 'GET', headers: jsonHeaders(accessToken), connections } as const;
  const expected = '"firstName":"Ada"';
  const expectedRest = '"email":"';
  const measured = await interleave(
    [
      httpSubject('no-op Apollo: me', limit.pid, graphqlLoad(limit.address, me, expected, request)),
      httpSubject('Gatehouse: me', ours.pid, graphqlLoad(ours.address, me, expected, request)),
      httpSubject('no-op Apollo: executeOperation', limit.pid, {
        ...rest,
        url: `${limit.address}/profile`,
        expected: expectedRest,
      }),
      httpSubject('Gatehouse: GET profile/view/', ours.pid, {
        ...rest,
        url: `${ours.address}/auth/profile/view/`,
        expected: expectedRest,
      }),
      httpSubject(
        'Gatehouse: hasPermission',
        ours.pid,
        graphqlLoad(ours.address, permission, '"hasPermission":false', request),
      ),
    ],
    env.effort,
  );
  const of = (name: string) => named(measured, name);
  return {
    measured,
    ratios: [
      {
        metric: '`me`, no-op Apollo = 1',
        value: ratio(of('Gatehouse: me'), of('no-op Apollo: me')),
        atLeast: 0.7,
      },
      {
        metric: '`GET profile/view/`, no-op Apollo through `executeOperation` = 1',
        value: ratio(of('Gatehouse: GET profile/view/'), of('no-op Apollo: executeOperation')),
        atLeast: 0.7,
      },
    ],
  };
}
