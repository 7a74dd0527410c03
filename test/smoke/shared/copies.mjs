import { strictEqual } from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
for (const entry of [
  'nestjs-knox',
  'nestjs-knox/django',
  'nestjs-knox/live',
  'nestjs-knox/swagger',
  'nestjs-knox/testing',
]) {
  const imported = await import(entry);
  const required = require(entry);
  for (const [name, value] of Object.entries(imported)) {
    if (name !== 'default' && name !== 'module.exports') strictEqual(required[name], value, name);
  }
}
