/** The cost of fields: every list of the schema has its own weight. */
import {
  buildASTSchema,
  concatAST,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isListType,
  isObjectType,
  parse,
} from 'graphql';
import { expect, test } from 'vitest';
import { weights } from '../../../src/api/graphql/cost.ts';
import { federationDefinitions } from '../../../src/api/graphql/federation-definitions.ts';
import { schemaText } from '../../support/operations.ts';

const file = parse(schemaText);
const schema = buildASTSchema(concatAST([file, federationDefinitions(file)]));
const types = Object.values(schema.getTypeMap()).filter(
  (type) => isObjectType(type) && !isInputObjectType(type) && !type.name.startsWith('__'),
);
const fields = types.flatMap((type) =>
  isObjectType(type)
    ? Object.values(type.getFields()).map((field) => ({ owner: type.name, field }))
    : [],
);

test('J11: every list without pages, every count, `node` and every JSON field of Query and User has a weight', () => {
  const isHeavy = ({ owner, field }: (typeof fields)[number]) => {
    const isList = isListType(getNullableType(field.type));
    // The arguments of a connection determine the cost of its page; a Problem lists the fields of one input.
    if (isList) return !owner.endsWith('Connection') && owner !== 'Problem';
    return (
      field.name === 'totalCount' ||
      (owner === 'Query' && field.name === 'node') ||
      (['Query', 'User'].includes(owner) && getNamedType(field.type).name === 'JSON')
    );
  };
  const heavy = fields.filter(isHeavy).map(({ owner, field }) => `${owner}.${field.name}`);
  expect(Object.keys(weights).sort()).toEqual(heavy.sort());
});
