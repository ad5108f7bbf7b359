/** The request log: one line for each request, with the request id of the response. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exchange, requestBytes } from '../../support/raw-socket.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService({
    environment: { LOG_LEVEL: 'debug', RATE_LIMITS: 'off' },
  });
});
afterAll(() => service.close());

interface Line {
  readonly msg: string;
  readonly time: string;
  readonly level: number;
  readonly requestId?: string;
  readonly status?: number;
}

/** The lines that `work` logs; each is one JSON object on one line. */
async function linesOf(work: () => Promise<unknown>): Promise<Line[]> {
  const before = service.logLines.length;
  await work();
  const lines = service.logLines.slice(before);
  for (const line of lines) {
    expect(line.endsWith('\n')).toBe(true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test is about these characters
    expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
  }
  return lines.map((line) => JSON.parse(line) as Line); // what pino writes
}

const forged = '{"level":30,"msg":"forged"}';
const breaks: readonly (readonly [string, string])[] = [
  ['CR LF', '\r\n'],
  ['LF', '\n'],
  ['CR', '\r'],
  ['an escape code', '\u001b[2K\u001b[1A'],
  ['an escape code of one character', '\u009b2K'],
  ['NEL', '\u0085'],
  ['U+2028', '\u2028'],
  ['a quotation mark', '"}'],
];

test.each(breaks)(
  '%s in a URL, a body, a header or a path forges no line',
  async (_what, lineBreak) => {
    const text = `x${lineBreak}${forged}${lineBreak}`;
    const json = (value: unknown) => ({ body: JSON.stringify(value), type: 'application/json' });
    const asForm = `email=${encodeURIComponent(text)}&password=x`;
    const post = (path: string, { body, type }: { body: string; type: string }, agent = 'test') =>
      exchange(
        service.address,
        requestBytes(
          `POST ${path}`,
          {
            'Content-Type': type,
            'User-Agent': agent,
            'Content-Length': `${Buffer.byteLength(body)}`,
          },
          body,
        ),
      );
    const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
      exchange(service.address, requestBytes(`GET ${path}`, headers));
    const responses: Awaited<ReturnType<typeof get>>[] = [];
    const lines = await linesOf(async () => {
      responses.push(
        await post('/auth/login/', json({ email: `${text}@example.com`, password: text })),
        await post('/auth/login/', { body: asForm, type: 'application/x-www-form-urlencoded' }),
        await post(
          '/auth/register/',
          json({ email: text, password: text, first_name: text, last_name: text }),
        ),
        await post(
          '/graphql',
          json({ query: `{ ${text} }`, operationName: text, variables: { [text]: text } }),
        ),
        await post(
          '/auth/login/',
          json({ email: 'a@b.example', password: 'wrong' }),
          text.replace(/[\r\n]+/g, '\t'),
        ),
        await post('/auth/login/', json({ email: 'a@b.example', password: 'wrong' }), text),
        await get(`/auth/${encodeURIComponent(text)}`),
        await get(`/auth/profile/has_group/${encodeURIComponent(text)}/`),
        await get(`/health/live?x=${encodeURIComponent(text)}`),
        await get(`/${text}`),
        await get('/health/live', {
          'X-Request-Id': text,
          'X-Forwarded-For': text,
          Authorization: `Bearer ${text}`,
        }),
      );
    });
    expect(responses.every(({ status }) => status > 0 && status < 500)).toBe(true);
    expect(lines.filter(({ msg }) => msg === 'forged')).toEqual([]);
    // A valid request has a line with the id of its response; an invalid one has a line without an id.
    const ids = responses
      .map(({ headers }) => headers['x-request-id'])
      .filter((id) => id !== undefined);
    const answered = lines.filter(({ msg }) => msg === 'request completed');
    expect(answered.map(({ requestId }) => requestId).sort()).toEqual(ids.sort());
    const refused = lines.filter(({ msg }) => msg === 'client error');
    expect(refused.length + answered.length).toBe(responses.length);
  },
);

test('a line has the time in UTC and the id of the response, which the caller cannot choose', async () => {
  const chosen = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';
  let id = '';
  const lines = await linesOf(async () => {
    const response = await fetch(`${service.address}/health/live`, {
      headers: { 'x-request-id': chosen },
    });
    await response.text();
    id = response.headers.get('x-request-id') ?? '';
  });
  expect(id).not.toBe(chosen);
  expect(lines).toEqual([
    expect.objectContaining({
      msg: 'request completed',
      requestId: id,
      status: 200,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    }),
  ]);
});

test('an unexpected error is logged with the id of its response', async () => {
  await service.database.query('alter table users rename to users_away');
  const ids: { header: string | null; body: string }[] = [];
  const lines = await linesOf(async () => {
    const rest = await service.rest('POST', '/login/', {
      json: { email: 'a@b.example', password: 'wrong' },
    });
    ids.push({ header: rest.headers.get('x-request-id'), body: rest.body.data.request_id });
    const graphql = await service.graphql(
      'mutation { login(input: { email: "a@b.example", password: "wrong" }) { __typename } }',
    );
    ids.push({
      header: graphql.headers.get('x-request-id'),
      body: String(graphql.errors?.[0]?.extensions?.requestId),
    });
  });
  await service.database.query('alter table users_away rename to users');
  const logged = lines.filter(({ level }) => level === 50).map(({ requestId }) => requestId);
  expect(logged).toEqual(ids.map(({ header }) => header));
  expect(logged).toEqual(ids.map(({ body }) => body));
});
