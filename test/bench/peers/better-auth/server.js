/** better-auth as in its documentation: Node.js, PostgreSQL, accounts with email and password. */
import { createServer } from 'node:http';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { toNodeHandler } from 'better-auth/node';
import pg from 'pg';

const auth = betterAuth({
  database: new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 }),
  secret: process.env.SECRET_KEY,
  baseURL: 'http://127.0.0.1',
  emailAndPassword: { enabled: true },
  // With the default limits, as in Gatehouse. It takes the address of the client from X-Forwarded-For.
  rateLimit: { enabled: true },
  telemetry: { enabled: false },
});
const { runMigrations } = await getMigrations(auth.options);
await runMigrations();

const server = createServer(toNodeHandler(auth));
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
process.once('SIGTERM', () => process.exit());
