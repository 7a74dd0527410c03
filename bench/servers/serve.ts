import 'reflect-metadata';
import type { Server } from 'node:http';
import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { DataSourceOptions } from 'typeorm';
import { answer } from '../rpc.ts';
import { User } from './user.entity.ts';

export interface ServerSettings {
  readonly adapter: 'express' | 'fastify';
  readonly database: DataSourceOptions | null;
}

const settings = JSON.parse(process.argv[2] ?? '{}') as ServerSettings;

/** Where the data is, with these entities beside the users. */
export function databaseWith(...entities: Type[]): DataSourceOptions {
  if (!settings.database) throw new Error('This server needs a database.');
  return { ...settings.database, entities: [User, ...entities] };
}

/** What every server answers under /me. */
export function meOf({ id, username }: { id: number; username: string }): object {
  return { id, username };
}

/** Listens on a port of its own, and answers the harness: the port, and the CPU time used. */
export async function serve(
  module: Type,
  more: (app: INestApplication) => Parameters<typeof answer>[0] = () => ({}),
): Promise<void> {
  const adapter = settings.adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const app = await NestFactory.create(module, adapter, { logger: ['error', 'fatal'] });
  await app.listen(0, '127.0.0.1');
  answer({
    port: () => (app.getHttpServer() as Server).address(),
    cpu: () => process.cpuUsage(),
    now: () => Number(process.hrtime.bigint() / 1000n),
    ...more(app),
  });
}
