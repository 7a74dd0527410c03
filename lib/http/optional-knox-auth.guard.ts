import { Injectable } from '@nestjs/common';
import { KnoxAuthGuard } from './knox-auth.guard.ts';

/**
 * A KnoxAuthGuard that lets a request without credentials pass, without a user. Bad credentials are still a
 * 401.
 *
 * @publicApi
 */
@Injectable()
export class OptionalKnoxAuthGuard extends KnoxAuthGuard {
  protected override handleAnonymous(): void {
    // The request passes; the guard has set its user to undefined.
  }
}
