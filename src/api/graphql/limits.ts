/**
 * How large an operation may be, and the rules that refuse a larger one before anything is executed.
 * What depends on variables is weighed in graphql-cost.ts and graphql-variables.ts.
 */
import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  type OperationDefinitionNode,
  typeFromAST,
  type ValidationRule,
} from 'graphql';

export const limits = {
  /** The first wall: the parser and some rules of GraphQL call themselves, or compare all with all. */
  tokens: 1000,
  /** Levels of fields; the schema needs seven. */
  depth: 10,
  aliases: 30,
  directives: 20,
  /** Items of one list in an argument. */
  listItems: 500,
  /** Levels of objects and lists in the variables. */
  variableDepth: 10,
  /** Values that an answer may have, as far as can be told beforehand. */
  cost: 100_000,
  /** Errors listed in one answer. */
  errors: 3,
} as const;

/** An operation beyond a limit: refused with 400, whatever the caller accepts. */
export class QueryLimitError extends GraphQLError {
  constructor(message: string, extensions: Readonly<Record<string, unknown>> = {}) {
    super(message, {
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { status: 400 }, ...extensions },
    });
  }
}

/** Whether it is a refusal for size, also as Apollo wraps it; the parser has words of its own. */
export function isQueryLimitError(error: GraphQLError): boolean {
  return (
    error instanceof QueryLimitError ||
    error.originalError instanceof QueryLimitError ||
    hasTooManyTokens(error.message)
  );
}

/** The parser's words, which begin so in every version. */
export function hasTooManyTokens(message: string): boolean {
  return message.startsWith('Syntax Error: Document contains more tha');
}

/** The armor would throw, which is a mistake of the server's in the eyes of Apollo; this reports. */
function armor(n: number, message: string) {
  const report: (context: { reportError(error: GraphQLError): void } | null) => void = (context) =>
    context?.reportError(new QueryLimitError(message));
  return { n, propagateOnRejection: false, onReject: [report] };
}

const { depth, aliases, directives, listItems } = limits;

/** Without an allow list: the one of the armor would let `a1: __typename` through, any number of times. */
const aliasOptions = {
  ...armor(aliases, `An operation may have ${aliases} aliases; ask in several requests.`),
  allowList: [],
};
const depthOptions = {
  ...armor(depth, `An operation may be nested ${depth} fields deep; ask for less at once.`),
  flattenFragments: true,
};
const directiveOptions = armor(directives, `An operation may have ${directives} directives.`);

const maxListItemsRule: ValidationRule = (context) => ({
  ListValue({ values }) {
    if (values.length <= listItems) return;
    context.reportError(
      new QueryLimitError(`A list may have ${listItems} items; send it in parts.`),
    );
  },
});

export const limitRules: readonly ValidationRule[] = [
  maxDepthRule(depthOptions),
  maxAliasesRule(aliasOptions),
  maxDirectivesRule(directiveOptions),
  maxListItemsRule,
];

/** The first few; a long list helps nobody but who wants a large answer to a small question. */
export function fewOf(errors: readonly GraphQLFormattedError[]): readonly GraphQLFormattedError[] {
  return errors.slice(0, limits.errors);
}

type Variables = Readonly<Record<string, unknown>>;

/**
 * Refuses variables that are nested too deep or hold a list that is too long.
 *
 * @throws OverLimit with BAD_USER_INPUT, naming the variable and input where the schema has them
 */
export function assertVariablesWithinLimits(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Variables,
): void {
  for (const [name, value] of Object.entries(variables)) {
    const fault = faultOf(value);
    if (fault === undefined) continue;
    const path = pathOf(schema, operation, [name, fault.key]);
    throw new QueryLimitError(`${path}: ${fault.message}`, {
      code: 'BAD_USER_INPUT',
      fields: [{ path, message: fault.message }],
    });
  }
}

interface Fault {
  /** The key, one level below the variable, where the fault is. */
  readonly key: string | undefined;
  readonly message: string;
}

/** Goes level by level and calls nothing for each: depth costs no stack. */
function faultOf(variable: unknown): Fault | undefined {
  let level: { readonly value: unknown; readonly key: string | undefined }[] = [
    { value: variable, key: undefined },
  ];
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: typeof level = [];
    for (const { value, key } of level) {
      if (typeof value !== 'object' || value === null) continue;
      if (depth >= limits.variableDepth) return { key, message: 'Is nested too deep.' };
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

/** Callers' own keys are not repeated: they may be anything. */
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
