/**
 * Verifiers of published libraries, each written as its documentation does. A verifier gets a case with `issuer`,
 * `audience`, `jwksUri` and `algorithms`; it returns a function that resolves to the `sub` of a valid token.
 */
const { once } = require('node:events');
const { createPublicKey } = require('node:crypto');
const { createServer } = require('node:http');

/** Sends the token to an Express application, and returns the `sub` that its route responds with. */
async function withExpress(addRoute) {
  const app = require('express')();
  addRoute(app);
  app.use((error, _request, response, _next) => {
    response.status(error.status ?? 500).json({ error: error.message });
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return async (token) => {
    const headers = { authorization: `Bearer ${token}`, connection: 'close' };
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`, { headers });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()).sub;
  };
}

const verifiers = {
  'jsonwebtoken with jwks-rsa': ({ issuer, audience, jwksUri, algorithms }) => {
    const jwt = require('jsonwebtoken');
    const client = require('jwks-rsa')({ jwksUri });
    const getKey = (header, callback) =>
      client.getSigningKey(header.kid, (error, key) => callback(error, key?.getPublicKey()));
    return (token) =>
      new Promise((resolve, reject) => {
        jwt.verify(token, getKey, { issuer, audience, algorithms }, (error, payload) =>
          error ? reject(error) : resolve(payload.sub),
        );
      });
  },

  'passport-jwt with jwks-rsa': ({ issuer, audience, jwksUri, algorithms }) => {
    const { Passport } = require('passport');
    const { ExtractJwt, Strategy } = require('passport-jwt');
    const { passportJwtSecret } = require('jwks-rsa');
    const passport = new Passport();
    const options = {
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKeyProvider: passportJwtSecret({ jwksUri, cache: true }),
      issuer,
      audience,
      algorithms,
    };
    passport.use(new Strategy(options, (payload, done) => done(null, { id: payload.sub })));
    return withExpress((app) => {
      app.get('/', passport.authenticate('jwt', { session: false }), (request, response) => {
        response.json({ sub: request.user.id });
      });
    });
  },

  'express-oauth2-jwt-bearer (strict)': ({
    issuer,
    audience,
    jwksUri,
    algorithms: [algorithm],
  }) => {
    const { auth } = require('express-oauth2-jwt-bearer');
    const options = { issuer, audience, jwksUri, tokenSigningAlg: algorithm, strict: true };
    return withExpress((app) => {
      app.get('/', auth(options), (request, response) => {
        response.json({ sub: request.auth.payload.sub });
      });
    });
  },

  'fast-jwt': ({ issuer, audience, jwksUri, algorithms }) => {
    const { createVerifier } = require('fast-jwt');
    const key = async ({ header }) => {
      const { keys } = await (await fetch(jwksUri)).json();
      const jwk = keys.find(({ kid }) => kid === header.kid);
      if (!jwk) throw new Error('unknown key');
      return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    };
    const verify = createVerifier({
      key,
      algorithms,
      allowedIss: issuer,
      allowedAud: audience,
      requiredClaims: ['sub', 'exp'],
      checkTyp: 'at+jwt',
    });
    return async (token) => (await verify(token)).sub;
  },

  jose: ({ issuer, audience, jwksUri, algorithms }) => {
    const { createRemoteJWKSet, jwtVerify } = require('jose');
    const keys = createRemoteJWKSet(new URL(jwksUri));
    const options = { issuer, audience, algorithms, typ: 'at+jwt', requiredClaims: ['sub', 'exp'] };
    return async (token) => (await jwtVerify(token, keys, options)).payload.sub;
  },

  oauth4webapi: async ({ issuer: address, audience, algorithms }) => {
    const oauth = require('oauth4webapi');
    const insecure = { [oauth.allowInsecureRequests]: true };
    const issuer = new URL(address);
    const discovery = { algorithm: 'oauth2', ...insecure };
    const response = await oauth.discoveryRequest(issuer, discovery);
    const server = await oauth.processDiscoveryResponse(issuer, response);
    const options = { ...insecure, signingAlgorithms: algorithms };
    return async (token) => {
      const headers = { authorization: `Bearer ${token}` };
      const request = new Request('http://api.test/', { headers });
      return (await oauth.validateJwtAccessToken(server, request, audience, options)).sub;
    };
  },
};

module.exports = verifiers;
