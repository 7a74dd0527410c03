import { Controller, Get, Module, type INestApplication } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { MessagePattern, Transport } from '@nestjs/microservices';
import { CurrentUser, KnoxAuthGuard, Public } from 'nestjs-knox';
import { User } from './user.entity.ts';

@Controller('invoices')
export class InvoicesController {
  @Get()
  list(@CurrentUser() user: User) {
    return { invoicesOf: user.username };
  }
}

/** Messages bring no token. Whether their sender may send them is for the broker, or for you, to check. */
@Public()
@Controller()
export class InvoiceMessages {
  @MessagePattern('invoice.count')
  count() {
    return 0;
  }
}

@Module({
  controllers: [InvoicesController, InvoiceMessages],
  providers: [{ provide: APP_GUARD, useClass: KnoxAuthGuard }],
})
export class InvoicesModule {}

/** Call it before `app.listen()`. */
export async function listenToMessages(app: INestApplication, port: number): Promise<void> {
  const options = { transport: Transport.TCP, options: { port } } as const;
  // With `inheritAppConfig`, guards of the whole app are asked about messages too.
  app.connectMicroservice(options, { inheritAppConfig: true });
  await app.startAllMicroservices();
}
