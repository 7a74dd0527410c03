// The yardstick of `single-connection`: a guard that reaches the same verdict with one fixed query for each request.
import { createHash } from 'node:crypto';
import {
  Module,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { AuthToken } from 'nestjs-knox';
import pg from 'pg';
import { databaseWith, meController, serve } from './serve.ts';
import { User } from './user.entity.ts';

const { host, port, username, database } = databaseWith() as Record<string, any>;
const pool = new pg.Pool({ host, port, user: username, database });
const SELECT = `SELECT t.digest, t.token_key, t.created, t.expiry, t.ttl, u.id, u.username, u."isActive"
  FROM knox_auth_token t JOIN users u ON u.id = t.user_id WHERE t.digest = $1`;

class SingleQueryGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest();
    const header = request.headers.authorization as string | undefined;
    if (!header?.startsWith('Token ')) throw new UnauthorizedException();
    const digest = createHash('sha512').update(header.slice(6)).digest('hex');
    const { rows } = await pool.query(SELECT, [digest]);
    if (rows.length === 0) throw new UnauthorizedException();
    const token = tokenOf(rows[0]);
    const expired = token.expiry ? !(token.expiry.getTime() > Date.now()) : false;
    if (expired || !token.user.isActive) throw new UnauthorizedException();
    request.user = token.user;
    request.authToken = token;
    return true;
  }
}

function tokenOf(row: any): AuthToken<User> {
  const user = Object.assign(new User(), {
    id: row.id,
    username: row.username,
    isActive: row.isActive,
  });
  return Object.assign(new AuthToken<User>(), {
    digest: row.digest,
    tokenKey: row.token_key,
    created: new Date(Number(row.created)),
    expiry: row.expiry === null ? null : new Date(Number(row.expiry)),
    ttl: row.ttl === null ? null : Number(row.ttl),
    user,
  });
}

@Module({ controllers: [meController(SingleQueryGuard)] })
class AppModule {}

await serve(AppModule);
