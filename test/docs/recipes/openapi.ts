import { Controller, Get, UseGuards, type INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { KnoxAuthGuard } from 'nestjs-knox';
import { describeKnox } from 'nestjs-knox/swagger';

@Controller('orders')
@UseGuards(KnoxAuthGuard)
export class OrdersController {
  @Get()
  orders() {
    return { orders: [] };
  }
}

export function documentApi(app: INestApplication) {
  const config = new DocumentBuilder().setTitle('Orders').setVersion('1').build();
  const document = describeKnox(app, SwaggerModule.createDocument(app, config));
  SwaggerModule.setup('docs', app, document);
  return document;
}
