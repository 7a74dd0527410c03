import 'reflect-metadata';
import type { Server } from 'node:http';
import {
  Controller,
  Get,
  Req,
  UseGuards,
  type CanActivate,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { KnoxModuleOptions } from 'nestjs-knox';
import type { DataSourceOptions } from 'typeorm';
import type { Tokens } from '../credentials.ts';
import { serveRpc } from '../rpc.ts';
import { countStatements, statementsSent } from './statement-counter.ts';
import { User } from './user.entity.ts';

interface ServerSettings {
  readonly adapter: 'express' | 'fastify';
  readonly database: DataSourceOptions | null;
  readonly knox?: KnoxModuleOptions;
  readonly tokens?: Tokens;
}

/** What the process has used since its start. */
export interface Usage {
  readonly cpuMs: number;
  readonly statements: number;
}

const settings = JSON.parse(process.argv[2] ?? '{}') as ServerSettings;

/** The bench's database, with these entities and, if none of them is named User, the users. */
export function databaseWith(...entities: Type[]): DataSourceOptions {
  if (!settings.database) throw new Error('This server needs a database.');
  const users = entities.some(({ name }) => name === 'User') ? [] : [User];
  return { ...settings.database, entities: [...users, ...entities] };
}

/** The options of KnoxModule in this run. Nobody logs in. */
export const knoxOptions: KnoxModuleOptions = { verifyCredentials: () => null, ...settings.knox };

/** The tokens that requests are made with. */
export function tokensInUse(): Tokens {
  if (!settings.tokens) throw new Error('This server needs to know the tokens.');
  return settings.tokens;
}

/** The answer of every server to GET /me. */
export function meOf({ id, username }: { id: number; username: string }): object {
  return { id, username };
}

/** GET /me behind this guard, for the user that it leaves on the request. */
export function meController(guard: Type<CanActivate>, answer: (user: any) => object = meOf): Type {
  @Controller('me')
  class MeController {
    @UseGuards(guard)
    @Get()
    me(@Req() request: any): object {
      return answer(request.user);
    }
  }
  return MeController;
}

/**
 * Listens on a free port, and serves the bench's calls: port, usage, clock, and those of `more`.
 *
 * @param prepare what is done to the application before it listens
 */
export async function serve(
  module: Type,
  more: (app: INestApplication) => Parameters<typeof serveRpc>[0] = () => ({}),
  prepare: (app: INestApplication) => void = () => {},
): Promise<void> {
  if (settings.database) countStatements(settings.database.type);
  const adapter = settings.adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const app = await NestFactory.create(module, adapter, { logger: ['error', 'fatal'] });
  prepare(app);
  await app.listen(0, '127.0.0.1');
  serveRpc({
    port: () => (app.getHttpServer() as Server).address(),
    usage: (): Usage => {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1000, statements: statementsSent() };
    },
    now: () => Number(process.hrtime.bigint() / 1000n),
    ...more(app),
  });
}
