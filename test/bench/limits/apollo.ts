/**
 * The limit of `me`: Apollo Server on Fastify with the same schema and a constant result; and the limit of REST,
 * the same through `executeOperation`.
 */
import { readFileSync } from 'node:fs';
import { ApolloServer } from '@apollo/server';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import { makeExecutableSchema } from '@graphql-tools/schema';
import fastify from 'fastify';

const me = {
  id: '01890000-0000-7000-8000-000000000000',
  email: process.argv[3] ?? '',
  username: null,
  firstName: 'Ada',
  lastName: 'Lovelace',
  fullName: 'Ada Lovelace',
  status: 'ACTIVE',
  isActive: true,
  isStaff: false,
  isSuperuser: false,
  isEmailVerified: true,
  pendingEmail: null,
  locale: 'en',
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  lastLoginAt: '2026-01-01T00:00:00.000Z',
};
const typeDefs = readFileSync(new URL('../../../schema.graphql', import.meta.url), 'utf8');
const schema = makeExecutableSchema({
  typeDefs,
  resolvers: { Query: { me: () => me, hasPermission: () => true } },
});
const document = process.argv[2] ?? '';

const app = fastify();
const server = new ApolloServer({ schema, plugins: [fastifyApolloDrainPlugin(app)] });
await server.start();
app.route({ url: '/graphql', method: ['GET', 'POST'], handler: fastifyApolloHandler(server) });
app.get('/profile', async () => {
  const { body } = await server.executeOperation({ query: document });
  if (body.kind !== 'single') throw new Error('answers come at once');
  return { message: 'User data', data: body.singleResult.data?.result };
});
process.once('SIGTERM', () => void app.close());
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
