/** The definitions that make a schema a Federation 2 subgraph. Routers use the fields; they are in no SDL. */
import { type DocumentNode, Kind, parse } from 'graphql';

/** `_service`, `_entities` and their types, for the types of `file` with a `@key`. */
export function federationDefinitions(file: DocumentNode): DocumentNode {
  return parse(`
extend type Query {
  "The SDL of this subgraph. Needs a service account where introspection is disabled."
  _service: _Service!
  """
  Objects to which other subgraphs refer, in the order of their representations; null for those that \`node\` does not
  find for the caller. Needs an access token.
  """
  _entities(
    "Type and id of each object."
    representations: [_Any!]!
  ): [_Entity]!
}

"The subgraph."
type _Service {
  "Its SDL."
  sdl: String
}

"A reference to an object: \`__typename\` and \`id\`."
scalar _Any

"An object to which other subgraphs refer."
union _Entity = ${entityTypesOf(file).join(' | ')}
`);
}

function entityTypesOf({ definitions }: DocumentNode): string[] {
  return definitions.flatMap((definition) =>
    definition.kind === Kind.OBJECT_TYPE_DEFINITION &&
    definition.directives?.some(({ name }) => name.value === 'key')
      ? [definition.name.value]
      : [],
  );
}
