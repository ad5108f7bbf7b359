/** The OpenAPI document of a service, and the differences of REST answers from it. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { RestAnswer } from './client.ts';
import { installPackages } from './install-packages.ts';

export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

interface DescribedHeader {
  readonly required?: boolean;
  readonly schema: JsonSchema;
}

interface DescribedResponse {
  readonly headers?: Readonly<Record<string, DescribedHeader>>;
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

/** The parts of an operation that tests read. */
export interface DescribedOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly security: readonly object[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly description: string;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
  };
  readonly responses: Readonly<Record<string, JsonSchema>>;
}

export interface ApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: Readonly<Record<string, JsonSchema>>;
}

export interface DescribedApi {
  readonly document: ApiDocument;
  /** The operation of a route such as `GET /admin/users/:id/`. */
  operation(method: string, path: string): DescribedOperation;
  /** The object that a `$ref` of the document refers to; another object itself. */
  resolve(value: JsonSchema): JsonSchema;
  /** The differences of an answer from the document: status, headers, type and every field of the body. */
  faultsOf(route: { readonly method: string; readonly path: string }, answer: RestAnswer): string[];
}

/** The methods of Ajv that are used here. */
interface Ajv {
  addSchema(schema: object, key: string): void;
  validate(schema: object, value: unknown): boolean;
  errorsText(): string;
}

export async function readDescribedApi(address: string): Promise<DescribedApi> {
  const response = await fetch(`${address}/openapi.json`);
  const document = (await response.json()) as ApiDocument; // the tests check its parts
  const ajv = createAjv();
  ajv.addSchema(withoutOtherProperties(document) as object, 'api');
  const resolve = (value: JsonSchema): JsonSchema =>
    typeof value.$ref === 'string' ? (at(document, value.$ref.slice(2)) as JsonSchema) : value; // a reference of the document
  const operation = (method: string, path: string) => {
    const found = document.paths[urlOf(path)]?.[method.toLowerCase()];
    if (!found) throw new Error(`${method} ${path} is not described`);
    return found;
  };
  return {
    document,
    operation,
    resolve,
    faultsOf({ method, path }, answer) {
      const reference = operation(method, path).responses[answer.status];
      if (!reference) return [`status ${answer.status} is not described`];
      const described = resolve(reference) as DescribedResponse; // a response of the document
      const schema = described.content?.['application/json'] && {
        $ref: `api#${pointerOf(reference, method, path, answer.status)}/content/application~1json/schema`,
      };
      return [...headerFaults(described, answer, resolve), ...bodyFaults(schema, answer, ajv)];
    },
  };
}

function createAjv(): Ajv {
  const folder = fileURLToPath(new URL('../ecosystem/json-schema', import.meta.url));
  const load = createRequire(`${installPackages(folder)}x.js`);
  const Ajv2020 = load('ajv/dist/2020').default;
  const ajv: Ajv = new Ajv2020({ strict: false, allErrors: true });
  load('ajv-formats').default(ajv);
  return ajv;
}

/** The document with `additionalProperties: false` in every schema of an object. */
function withoutOtherProperties(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOtherProperties);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, withoutOtherProperties(each)]),
  );
  const isObject = copy.type === 'object' && copy.properties !== undefined;
  return isObject ? { additionalProperties: false, ...copy } : copy;
}

export function urlOf(path: string): string {
  return `/auth${path.replace(/:(\w+)/g, '{$1}')}`;
}

function at(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .reduce((each, name) => (each as Record<string, unknown> | undefined)?.[name], value); // any object has keys
}

/** The JSON pointer of a response. */
function pointerOf(reference: JsonSchema, method: string, path: string, status: number): string {
  if (typeof reference.$ref === 'string') return reference.$ref.slice(1);
  const key = encodeURIComponent(urlOf(path).replaceAll('/', '~1'));
  return `/paths/${key}/${method.toLowerCase()}/responses/${status}`;
}

/** Headers that a client reads, if the document declares them. */
const notableHeaders = ['Link', 'Retry-After', 'WWW-Authenticate', 'X-Request-Id'];

function headerFaults(
  { headers = {} }: DescribedResponse,
  answer: RestAnswer,
  resolve: DescribedApi['resolve'],
): string[] {
  return notableHeaders.flatMap((name) => {
    const reference = headers[name];
    const value = answer.headers.get(name);
    if (!reference) return value === null ? [] : [`header ${name} is not described`];
    const { required, schema } = resolve({ ...reference }) as unknown as DescribedHeader; // a header of the document
    if (value === null) return required ? [`header ${name} is missing`] : [];
    const isNumber = schema.type === 'integer';
    return isNumber && !/^\d+$/.test(value) ? [`header ${name} is not a number`] : [];
  });
}

function bodyFaults(schema: object | undefined, answer: RestAnswer, ajv: Ajv): string[] {
  if (!schema) return answer.text === '' ? [] : ['a body is not described'];
  const type = answer.headers.get('content-type');
  if (type !== 'application/json; charset=utf-8') return [`the type is ${type}`];
  return ajv.validate(schema, answer.body) ? [] : [ajv.errorsText()];
}
