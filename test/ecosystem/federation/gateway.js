/** A second subgraph with orders, its composition with the service, and a gateway that reads the SDL of both. */
import { ApolloGateway, IntrospectAndCompose } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { composeServices } from '@theguild/federation-composition';
import { parse, printType } from 'graphql';

export const ordersSdl = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@override"])
  type Query {
    orders: [Order!]!
    order(id: ID!): OrderResult! @shareable
  }
  interface Node { id: ID! }
  type Order implements Node @key(fields: "id") {
    id: ID!
    placedAt: DateTime!
    buyer: User
  }
  type User @key(fields: "id", resolvable: false) { id: ID! }
  type OrderConnection { nodes: [Order!]! pageInfo: PageInfo! }
  type PageInfo @shareable { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
  type Problem @shareable { code: ProblemCode! message: String! fields: [FieldProblem!]! }
  type FieldProblem @shareable { path: String! message: String! }
  enum ProblemCode { NOT_FOUND SOLD_OUT }
  union OrderResult = Order | Problem
  scalar DateTime @specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc3339")
`;

/** @param {string} sdl of the service */
export function buildsSubgraph(sdl) {
  const schema = buildSubgraphSchema([{ typeDefs: parse(sdl) }]);
  return printType(schema.getType('_Entity'));
}

/**
 * Composes the service with a second subgraph.
 *
 * @param {string} gatehouseSdl
 * @param {string} otherSdl
 * @returns {readonly string[]} the errors
 */
export function compose(gatehouseSdl, otherSdl = ordersSdl) {
  const { errors = [] } = composeServices([
    { name: 'gatehouse', typeDefs: parse(gatehouseSdl), url: 'http://localhost:4000/graphql' },
    { name: 'other', typeDefs: parse(otherSdl), url: 'http://localhost:4001/' },
  ]);
  return errors.map(({ message }) => message);
}

/** @param {readonly string[]} buyerIds of the orders */
export async function startOrders(buyerIds) {
  const orders = buyerIds.map((id, index) => ({
    __typename: 'Order',
    id: `order-${index}`,
    placedAt: '2026-01-31T12:00:00.000Z',
    buyer: { __typename: 'User', id },
  }));
  const resolvers = {
    Query: {
      orders: () => orders,
      order: () => ({ __typename: 'Problem', code: 'SOLD_OUT', message: '-', fields: [] }),
    },
  };
  const schema = buildSubgraphSchema([{ typeDefs: parse(ordersSdl), resolvers }]);
  return start(new ApolloServer({ schema, logger: silent }));
}

/**
 * Starts a gateway that reads the SDL of its subgraphs with these headers.
 *
 * @param {{ gatehouse: string, orders: string }} urls
 * @param {Record<string, string>} introspectionHeaders
 */
export async function startIntrospectingGateway(urls, introspectionHeaders) {
  const subgraphs = Object.entries(urls).map(([name, url]) => ({ name, url }));
  const supergraphSdl = new IntrospectAndCompose({ subgraphs, introspectionHeaders });
  const gateway = new ApolloGateway({ supergraphSdl, logger: silent });
  return start(new ApolloServer({ gateway, logger: silent }));
}

async function start(server) {
  const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
  return { url, close: () => server.stop() };
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
