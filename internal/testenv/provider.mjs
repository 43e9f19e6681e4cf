// A provider of OpenID Connect for tests: panva's oidc-provider with a form that
// takes any name. Arguments: the folder of its package, a redirect URI.
import { createRequire } from 'node:module';
import http from 'node:http';
import { pathToFileURL } from 'node:url';

const [folder, redirect] = process.argv.slice(2);
const entry = createRequire(folder + '/').resolve('oidc-provider');
console.warn = () => {};
const { Provider } = await import(pathToFileURL(entry));

const people = {
  ada: { groups: ['platform', 'everyone'], org: 'acme' },
  bob: { groups: ['payments', 'everyone'], org: 'acme' },
  eve: { groups: ['visitors'], org: 'acme' },
  mallory: { groups: ['platform'] },
};

const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      { client_id: 'whodid', client_secret: 'made-up-for-tests', redirect_uris: [redirect], response_types: ['code'], grant_types: ['authorization_code'] },
      { client_id: 'another', client_secret: 'made-up-for-tests', redirect_uris: [redirect], response_types: ['code'], grant_types: ['authorization_code'] },
    ],
    claims: { openid: ['sub'], groups: ['groups', 'org'], profile: ['name', 'email'] },
    scopes: ['openid', 'groups', 'profile'],
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: { keys: ['made-up'] },
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, name: 'Ada Lovelace', email: `${id}@example.com`, ...people[id] }),
    }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
