// The application has used up its pool: what a request, a login and a logout take then, against their usual time.
import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { Controller, Get, Module, UseGuards, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthToken, KnoxAuthGuard, KnoxModule } from 'nestjs-knox';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { startMariadb, startPostgres } from './database-servers.ts';
import { median } from './measure.ts';
import { markdownTable } from './report.ts';
import { User } from './servers/user.entity.ts';

const POOL_SIZE = 3;

/** Queries of the application that wait behind those that hold its connections. */
const QUEUED = 20;

const DATABASES = [
  { label: 'PostgreSQL', start: startPostgres },
  { label: 'MariaDB', start: startMariadb },
];

const ACTIONS = ['request', 'login', 'logout'] as const;

/** Milliseconds of each action, in the order they were measured. */
type Times = Record<(typeof ACTIONS)[number], number[]>;

@Controller('me')
class MeController {
  @UseGuards(KnoxAuthGuard)
  @Get()
  me() {
    return {};
  }
}

export async function usedUpPool(quick: boolean): Promise<void> {
  const { rounds, perRound } = quick ? { rounds: 5, perRound: 20 } : { rounds: 21, perRound: 50 };
  const rows: string[][] = [];
  for (const { label, start } of DATABASES) {
    const server = await start();
    const app = await startApp(await server.create('used_up_pool'));
    try {
      const usual = noTimes();
      const usedUp = noTimes();
      await measure(app, perRound, noTimes());
      // In turn, so that what the machine does meanwhile falls on both.
      for (let round = 0; round < rounds; round += 1) {
        await measure(app, perRound, usual);
        const release = await useUpPool(app.get(DataSource));
        await measure(app, perRound, usedUp);
        await release();
      }
      for (const action of ACTIONS) rows.push(rowOf(label, action, usual[action], usedUp[action]));
    } finally {
      await app.close();
    }
  }
  const head = ['pool used up', 'usual p50 ms', 'p50 ms', 'against the usual'];
  console.log(markdownTable(head, rows));
}

async function startApp(database: DataSourceOptions): Promise<INestApplication> {
  const user = Object.assign(new User(), { id: 1, username: 'user-1', isActive: true });

  @Module({
    imports: [
      TypeOrmModule.forRoot({
        ...database,
        entities: [User, AuthToken],
        synchronize: true,
        poolSize: POOL_SIZE,
      } as DataSourceOptions),
      KnoxModule.forRoot({ verifyCredentials: () => user }),
    ],
    controllers: [MeController],
  })
  class AppModule {}

  const app = await NestFactory.create(AppModule, new ExpressAdapter(), {
    logger: ['error', 'fatal'],
    forceCloseConnections: true,
  });
  await app.listen(0, '127.0.0.1');
  await app.get(DataSource).getRepository(User).insert(user);
  return app;
}

/** Takes every connection of the pool; gives what returns them, and waits for the queries behind. */
async function useUpPool(dataSource: DataSource): Promise<() => Promise<void>> {
  const runners = Array.from({ length: POOL_SIZE }, () => dataSource.createQueryRunner());
  for (const runner of runners) await runner.connect();
  const queued = Array.from({ length: QUEUED }, () => dataSource.query('SELECT 1'));
  return async () => {
    for (const runner of runners) await runner.release();
    await Promise.all(queued);
  };
}

/** Logs in, sends a request and logs out, one after another. */
async function measure(app: INestApplication, count: number, times: Times): Promise<void> {
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  const timed = async (action: keyof Times, path: string, init: RequestInit): Promise<string> => {
    const start = performance.now();
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
    const text = await answer.text();
    times[action].push(performance.now() - start);
    if (!answer.ok) throw new Error(`${action}: ${answer.status} ${text}`);
    return text;
  };
  for (let done = 0; done < count; done += 1) {
    const basic = `Basic ${Buffer.from('user-1:any').toString('base64')}`;
    const login = await timed('login', '/auth/login', {
      method: 'POST',
      headers: { authorization: basic },
    });
    const headers = { authorization: `Token ${(JSON.parse(login) as { token: string }).token}` };
    await timed('request', '/me', { headers });
    await timed('logout', '/auth/logout', { method: 'POST', headers });
  }
}

function noTimes(): Times {
  return { request: [], login: [], logout: [] };
}

function rowOf(label: string, action: string, usual: number[], usedUp: number[]): string[] {
  const [before, now] = [median(usual), median(usedUp)];
  return [
    `${label}, ${action}`,
    before.toFixed(2),
    now.toFixed(2),
    `${(now / before).toFixed(2)} ×`,
  ];
}
