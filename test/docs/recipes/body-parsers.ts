import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { json, type Handler } from 'express';

/** `reader` is a library's handler that reads bodies itself, under its own path. */
export async function createApp(module: Type, reader: Handler): Promise<INestApplication> {
  const app = await NestFactory.create(module, { bodyParser: false });
  app.use('/uploads', reader);
  // After it, and for all other paths, the login's among them.
  app.use(json());
  return app;
}
