/**
 * The size limits of GraphQL operations and their variables, with the validation rules that enforce them
 * before the execution. `cost.ts` beside it estimates the cost.
 */
import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  GraphQLError,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  type OperationDefinitionNode,
  typeFromAST,
  type ValidationRule,
} from 'graphql';

export const limits = {
  /** The first limit: the parser and some validation rules are recursive or quadratic. */
  tokens: 1000,
  /** Levels of nested fields; the schema needs seven. */
  depth: 10,
  aliases: 30,
  directives: 20,
  /** Items of one list in an argument. */
  listItems: 500,
  /** Levels of objects and lists in the variables. */
  variableDepth: 10,
  /** Estimated number of values in a response. */
  cost: 100_000,
  /** Errors in a response. */
  errors: 3,
} as const;

/** An operation over a limit. The status is 400 for every Accept header. */
export class QueryLimitError extends GraphQLError {
  constructor(message: string, extensions: Readonly<Record<string, unknown>> = {}) {
    super(message, { extensions: { code: 'GRAPHQL_VALIDATION_FAILED', ...extensions } });
  }
}

/** Recognizes these errors also when Apollo wraps them, and the error of the parser for too many tokens. */
export function isQueryLimitError(error: GraphQLError): boolean {
  return (
    error instanceof QueryLimitError ||
    error.originalError instanceof QueryLimitError ||
    hasTooManyTokens(error.message)
  );
}

/** The message of the parser begins with this text in every version. */
export function hasTooManyTokens(message: string): boolean {
  return message.startsWith('Syntax Error: Document contains more tha');
}

/** Options that report an error. The default of the library throws, which Apollo takes for a server error. */
function armor(n: number, message: string) {
  const report: (context: { reportError(error: GraphQLError): void } | null) => void = (context) =>
    context?.reportError(new QueryLimitError(message));
  return { n, propagateOnRejection: false, onReject: [report] };
}

const { depth, aliases, directives, listItems } = limits;

/** Without an allow list: the default list of the library allows any number of `a1: __typename`. */
const aliasOptions = {
  ...armor(aliases, `An operation may have at most ${aliases} aliases. Send several requests.`),
  allowList: [],
};
const depthOptions = {
  ...armor(depth, `An operation may be at most ${depth} fields deep. Request fewer levels.`),
  flattenFragments: true,
};
const directiveOptions = armor(
  directives,
  `An operation may have at most ${directives} directives.`,
);

const maxListItemsRule: ValidationRule = (context) => ({
  ListValue({ values }) {
    if (values.length <= listItems) return;
    context.reportError(
      new QueryLimitError(`A list may have at most ${listItems} items. Send several requests.`),
    );
  },
});

export const limitRules: readonly ValidationRule[] = [
  maxDepthRule(depthOptions),
  maxAliasesRule(aliasOptions),
  maxDirectivesRule(directiveOptions),
  maxListItemsRule,
];

type Variables = Readonly<Record<string, unknown>>;

/**
 * The error of variables that are nested too deeply or have a list that is too long: BAD_USER_INPUT with the
 * names of variable and input.
 */
export function variablesLimitError(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Variables,
): QueryLimitError | undefined {
  for (const [name, value] of Object.entries(variables)) {
    const fault = faultOf(value);
    if (fault === undefined) continue;
    const path = pathOf(schema, operation, [name, fault.key]);
    return new QueryLimitError(`${path}: ${fault.message}`, {
      code: 'BAD_USER_INPUT',
      fields: [{ path, message: fault.message }],
    });
  }
  return undefined;
}

interface Fault {
  /** The key in the variable that has the fault. */
  readonly key: string | undefined;
  readonly message: string;
}

/** Visits level by level without recursion, so that deep nesting uses no stack. */
function faultOf(variable: unknown): Fault | undefined {
  let level: { readonly value: unknown; readonly key: string | undefined }[] = [
    { value: variable, key: undefined },
  ];
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: typeof level = [];
    for (const { value, key } of level) {
      if (typeof value !== 'object' || value === null) continue;
      if (depth >= limits.variableDepth) return { key, message: 'Is nested too deeply.' };
      if (Array.isArray(value) && value.length > limits.listItems) {
        return { key, message: `Must have at most ${limits.listItems} items.` };
      }
      for (const [name, inner] of Object.entries(value)) {
        next.push({ value: inner, key: key ?? name });
      }
    }
    level = next;
  }
  return undefined;
}

/** Contains names of the schema only: keys of the request are not repeated. */
function pathOf(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  [name, key]: readonly [string, string | undefined],
): string {
  const definition = variableDefinitions.find(({ variable }) => variable.name.value === name);
  if (!definition) return 'variables';
  const type = getNamedType(typeFromAST(schema, definition.type));
  const isInput =
    key !== undefined && isInputObjectType(type) && Object.hasOwn(type.getFields(), key);
  return isInput ? `${name}.${key}` : name;
}
