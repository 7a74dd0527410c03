import type { INestApplicationContext } from '@nestjs/common';
import { describeKind, KnoxConfigError } from '../errors/knox-config.error.ts';
import { Realms } from './realms.ts';

/**
 * The realms of an application, or of a testing module.
 *
 * @throws TypeError for anything else
 * @throws KnoxConfigError if it imports no KnoxModule
 */
export function realmsOfApp(app: Pick<INestApplicationContext, 'get'>): Realms {
  if (typeof (app as Partial<INestApplicationContext> | null | undefined)?.get !== 'function') {
    throw new TypeError(`app must be a NestJS application; got ${describeKind(app)}.`);
  }
  try {
    return app.get(Realms, { strict: false });
  } catch {
    throw new KnoxConfigError(
      'imports',
      'the application has no KnoxModule; import KnoxModule.forRoot(…) in its root module.',
    );
  }
}
