import {
  Catch,
  HttpException,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type INestApplication,
} from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import {
  BaseWsExceptionFilter,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CurrentToken, CurrentUser, KnoxAuthGuard, Realm } from '../../lib/index.ts';
import { STAGES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startRealmApp, type RealmApp } from '../support/realm-app.ts';
import { openSocketIo, type SocketClient } from '../support/sockets.ts';

@Catch(HttpException)
class HttpExceptionFilter extends BaseWsExceptionFilter {
  override catch(exception: HttpException, host: ArgumentsHost): void {
    super.catch(new WsException(exception.getResponse()), host);
  }
}

const who = (event: string, user: { username: string }, token: object) => ({
  event,
  data: `${user.username} ${token.constructor.name}`,
});

@WebSocketGateway()
@UseFilters(HttpExceptionFilter)
@UseGuards(KnoxAuthGuard)
class RealmGateway {
  @SubscribeMessage('api')
  api(@CurrentUser() user: never, @CurrentToken() token: object): object {
    return who('api', user, token);
  }

  @SubscribeMessage('staff')
  @Realm('staff')
  staff(@CurrentUser() user: never, @CurrentToken() token: object): object {
    return who('staff', user, token);
  }

  @SubscribeMessage('either')
  @Realm('staff', 'api')
  either(@CurrentUser() user: never, @CurrentToken() token: object): object {
    return who('either', user, token);
  }
}

describe.each(STAGES)('two realms on a WebSocket on %s over %s', (database, adapter) => {
  let test: RealmApp;
  let socket: SocketClient;
  beforeAll(async () => {
    test = await startRealmApp({
      database,
      adapter,
      providers: [RealmGateway],
      configure: (app: INestApplication) => {
        app.useWebSocketAdapter(new IoAdapter(app));
      },
    });
  });
  afterEach(() => socket.close());
  afterAll(() => test.close());

  const openWith = async (token: string) => {
    socket = await openSocketIo(test.client.url, { authorization: `Token ${token}` });
    return (event: string) => socket.ask(event);
  };
  const refused = { event: 'exception', data: ERRORS.invalidToken };

  it('give a message of the staff to the staff', async () => {
    const ask = await openWith(await test.loginStaff());
    expect(await ask('staff')).toEqual({ event: 'staff', data: 'bob StaffToken' });
    expect(await ask('api')).toEqual(refused);
    expect(await ask('either')).toEqual({ event: 'either', data: 'bob StaffToken' });
    await test.staffTokens.revokeAll(test.bob);
    expect(await ask('staff')).toEqual(refused);
    expect(await ask('either')).toEqual(refused);
  });

  it('give a message of the default realm to its users', async () => {
    const ask = await openWith(await test.login());
    expect(await ask('api')).toEqual({ event: 'api', data: 'john.doe AuthToken' });
    expect(await ask('staff')).toEqual(refused);
    expect(await ask('either')).toEqual({ event: 'either', data: 'john.doe AuthToken' });
  });
});
