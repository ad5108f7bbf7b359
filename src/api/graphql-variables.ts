/** How large the values of variables may be. Their types are checked by GraphQL, after this. */
import {
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql';
import { limits, OverLimit } from './graphql-limits.ts';

type Variables = Readonly<Record<string, unknown>>;

/**
 * Refuses variables that are nested too deep or hold a list that is too long.
 *
 * @throws OverLimit with BAD_USER_INPUT, naming the variable and input where the schema has them
 */
export function requireModestVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Variables,
): void {
  for (const [name, value] of Object.entries(variables)) {
    const fault = faultOf(value);
    if (fault === undefined) continue;
    const path = pathOf(schema, operation, [name, fault.key]);
    throw new OverLimit(`${path}: ${fault.message}`, {
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
