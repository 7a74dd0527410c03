import { Injectable, type ExecutionContext } from '@nestjs/common';
import { KnoxAuthGuard, type KnoxRequest } from 'nestjs-knox';
import type { Socket } from 'socket.io';

/** Guards HTTP requests and socket messages. A browser sends the token of a socket by io(url, { auth: { token } }). */
@Injectable()
export class AppAuthGuard extends KnoxAuthGuard {
  protected override getRequest(context: ExecutionContext): KnoxRequest {
    if (context.getType() !== 'ws') return super.getRequest(context);
    const { auth, headers, address } = context.switchToWs().getClient<Socket>().handshake;
    const given = auth.token ? { authorization: `Token ${String(auth.token)}` } : headers;
    return { headers: given, ip: address };
  }
}
