import { strictEqual } from 'node:assert/strict';
import type { INestApplication } from '@nestjs/common';
import { actingAs } from 'nestjs-knox/testing';
import type { User } from './user.entity.ts';

/** A test, in any test runner, of an application that listens at `url`. */
export async function testOrders(app: INestApplication, url: string, ada: User) {
  const { headers } = await actingAs(app, ada, { ttl: '1m' });
  const orders = await fetch(`${url}/orders`, { headers });
  strictEqual(orders.status, 200);

  await fetch(`${url}/auth/logout`, { method: 'POST', headers });
  const after = await fetch(`${url}/orders`, { headers });
  strictEqual(after.status, 401);
}
