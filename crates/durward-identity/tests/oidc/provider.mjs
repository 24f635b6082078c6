// A certified OpenID provider on a free port of this machine, for tests. Usage: node provider.mjs FOLDER, where FOLDER has
// node_modules with oidc-provider. Prints its URL when ready and ends when standard input does.
//
// Beside the provider's own paths:
//   /test/client?id=ID&resource=R   a token by the client credentials grant
//   /test/person?id=ID&resource=R   a token by the device grant, for ada, whose browser is played here
//   /test/rotate                    new signing keys in place of the old ones
import { createServer } from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const library = join(process.argv[2], 'node_modules/oidc-provider/lib/index.js');
const { default: Provider } = await import(pathToFileURL(library));

const secret = randomBytes(16).toString('hex');
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';
let issuer;
let answer;

function keys() {
  const kinds = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }], EdDSA: ['ed25519'] };
  return Object.entries(kinds).map(([alg, kind]) => {
    const key = generateKeyPairSync(...kind).privateKey.export({ format: 'jwk' });
    return { ...key, alg, use: 'sig', kid: randomBytes(6).toString('hex') };
  });
}

function client(client_id, grant_types, more) {
  return { client_id, client_secret: secret, grant_types, redirect_uris: [], response_types: [], ...more };
}

function provider() {
  return new Provider(issuer, {
    jwks: { keys: keys() },
    cookies: { keys: [secret] },
    clients: [
      client('batch', ['client_credentials']),
      client('cli', [deviceGrant], { application_type: 'native' }),
      client('agent', [deviceGrant], { application_type: 'native' }),
    ],
    scopes: ['openid', 'db'],
    features: {
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        // A resource is named urn:AUDIENCE:ALGORITHM.
        getResourceServerInfo(_ctx, resource) {
          const [, audience, alg] = resource.split(':');
          return { scope: 'db', audience, accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg } } };
        },
      },
    },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    extraTokenClaims(_ctx, token) {
      if (token.accountId === undefined) return undefined;
      const person = { email: `${token.accountId}@example.com`, email_verified: true, groups: ['engineering'] };
      return token.clientId === 'agent' ? { ...person, act: { sub: 'claude' } } : person;
    },
  });
}

async function post(path, fields) {
  const response = await fetch(issuer + path, { method: 'POST', body: new URLSearchParams(fields) });
  const body = await response.json();
  if (!response.ok) throw new Error(`${path}: ${JSON.stringify(body)}`);
  return body;
}

// Ada's browser: follows redirects, keeps cookies, and fills in whatever form it is shown.
async function browse(start, answers) {
  const jar = new Map();
  let request = { url: new URL(start, issuer), method: 'GET' };
  for (let page = 0; page < 30; page += 1) {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(request.url, { ...request, headers: { cookie }, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (/expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name); else jar.set(name, value);
    }
    const location = response.headers.get('location');
    const html = await response.text();
    if (location) {
      request = { url: new URL(location, request.url), method: 'GET' };
    } else if (html.includes('Sign-in Success')) {
      return;
    } else {
      const action = /<form[^>]*action="([^"]+)"/.exec(html);
      if (!action) throw new Error(`no form at ${request.url}: ${html}`);
      const hidden = [...html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
        /name="([^"]*)"/.exec(input)[1], /value="([^"]*)"/.exec(input)?.[1] ?? '',
      ]);
      const body = new URLSearchParams({ ...answers, ...Object.fromEntries(hidden) });
      request = { url: new URL(action[1].replaceAll('&amp;', '&'), request.url), method: 'POST', body };
    }
  }
  throw new Error('the sign-in never ends');
}

const tests = {
  '/test/client': ({ id, resource }) => post('/token', {
    grant_type: 'client_credentials', client_id: id, client_secret: secret, scope: 'db', resource,
  }),
  async '/test/person'({ id, resource }) {
    const who = { client_id: id, client_secret: secret };
    const device = await post('/device/auth', { ...who, scope: 'openid db', resource });
    await browse(device.verification_uri_complete, { login: 'ada', password: 'any' });
    return post('/token', { ...who, grant_type: deviceGrant, device_code: device.device_code });
  },
  '/test/rotate'() {
    answer = provider().callback();
    return {};
  },
};

const server = createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  const test = tests[url.pathname];
  if (!test) return answer(request, response);
  try {
    response.end(JSON.stringify(await test(Object.fromEntries(url.searchParams))));
  } catch (error) {
    response.statusCode = 500;
    response.end(String(error.stack));
  }
});
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  answer = provider().callback();
  process.stdout.write(`${issuer}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
