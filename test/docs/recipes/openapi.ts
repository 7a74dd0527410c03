import { Controller, Get, UseGuards } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
// #region openapi
import { ApiSecurity, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { KnoxAuthGuard } from 'nestjs-knox';

@ApiSecurity('knox')
@Controller('orders')
@UseGuards(KnoxAuthGuard)
export class OrdersController {
  @Get()
  orders() {
    return { orders: [] };
  }
}

export function documentApi(app: INestApplication) {
  const config = new DocumentBuilder()
    .addApiKey({ type: 'apiKey', in: 'header', name: 'Authorization' }, 'knox')
    .build();
  const document = SwaggerModule.createDocument(app, config);
  SwaggerModule.setup('docs', app, document);
  return document;
}
// #endregion
