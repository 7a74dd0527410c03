// Starts the app on Django's tables, calls it with Django's tokens and passwords, and stays up; with --once it ends after that.
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { djangoToken } from './database.js';

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? '3000', '127.0.0.1');
const url = await app.getUrl();
let failures = 0;

/** Calls as a client of Django would, and prints the line for curl and the answer. */
async function call(title: string, expected: number, path: string, authorization: string) {
  const method = path === '/me' ? 'GET' : 'POST';
  const answer = await fetch(url + path, { method, headers: { authorization } });
  const text = await answer.text();
  console.log(
    `\n${title}\n   curl -i -X ${method} ${url}${path} -H 'Authorization: ${authorization}'`,
  );
  console.log(`   ${String(answer.status)} ${text}`.trimEnd());
  if (answer.status !== expected) {
    failures += 1;
    console.log(`   FAILED: this should have been ${String(expected)}.`);
  }
  return text;
}

const basic = (password: string) =>
  `Basic ${Buffer.from(`john.doe:${password}`).toString('base64')}`;
const long = `Token ${djangoToken('long')}`;
await call('A token that Django gave out', 200, '/me', long);
await call('One of an inactive user', 401, '/me', `Token ${djangoToken('inactive user')}`);
await call('A wrong password', 401, '/auth/login', basic('wrong'));
const login = await call('The password that Django knows', 200, '/auth/login', basic('hunter2'));
const { token = '' } = JSON.parse(login) as { token?: string };
await call('The token that was made here, which Django takes too', 200, '/me', `Token ${token}`);
await call('Log out', 204, '/auth/logout', `Token ${token}`);
await call('It is gone, at once', 401, '/me', `Token ${token}`);
await call("Django's is still good", 200, '/me', long);

if (process.argv.includes('--once')) {
  await app.close();
  process.exitCode = failures === 0 ? 0 : 1;
} else {
  console.log('\nNow you. The server stays up; Ctrl-C ends it.');
}
