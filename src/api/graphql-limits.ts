/**
 * How large an operation may be, and the rules that refuse a larger one before anything is executed.
 * What depends on variables is weighed in graphql-cost.ts and graphql-variables.ts.
 */
import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import { GraphQLError, type GraphQLFormattedError, type ValidationRule } from 'graphql';

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
export class OverLimit extends GraphQLError {
  constructor(message: string, extensions: Readonly<Record<string, unknown>> = {}) {
    super(message, {
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { status: 400 }, ...extensions },
    });
  }
}

/** Whether it is a refusal for size, also as Apollo wraps it; the parser has words of its own. */
export function isOverLimit(error: GraphQLError): boolean {
  return (
    error instanceof OverLimit ||
    error.originalError instanceof OverLimit ||
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
    context?.reportError(new OverLimit(message));
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
    context.reportError(new OverLimit(`A list may have ${listItems} items; send it in parts.`));
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
