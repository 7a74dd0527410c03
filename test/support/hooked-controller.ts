import { Controller } from '@nestjs/common';
import {
  KnoxController,
  type LoginContext,
  type LoginResponseContext,
  type LogoutContext,
} from '../../lib/index.ts';

type Hook<Context> = (context: Context) => any;

/** The hooks that a test overrides. The others are inherited from KnoxController. */
export interface Hooks {
  getTokenTtl?: Hook<LoginContext>;
  getTokenPrefix?: Hook<LoginContext>;
  getTokenLimitPerUser?: Hook<LoginContext>;
  getUserSerializer?: Hook<LoginContext>;
  formatExpiry?: Hook<Date | null>;
  createToken?: Hook<LoginContext>;
  getLoginResponse?: Hook<LoginResponseContext>;
  getLogoutResponse?: Hook<LogoutContext>;
  getLogoutAllResponse?: Hook<LogoutContext>;
}

export let hooks: Hooks = {};

/** Removes all overrides. */
export function clearHooks(): void {
  hooks = {};
}

/** A subclass of KnoxController whose hooks a test can set. */
@Controller('session')
export class HookedController extends KnoxController {
  protected override getTokenTtl(context: LoginContext) {
    return hooks.getTokenTtl ? hooks.getTokenTtl(context) : super.getTokenTtl(context);
  }

  protected override getTokenPrefix(context: LoginContext) {
    return hooks.getTokenPrefix ? hooks.getTokenPrefix(context) : super.getTokenPrefix(context);
  }

  protected override getTokenLimitPerUser(context: LoginContext) {
    const { getTokenLimitPerUser } = hooks;
    return getTokenLimitPerUser
      ? getTokenLimitPerUser(context)
      : super.getTokenLimitPerUser(context);
  }

  protected override getUserSerializer(context: LoginContext) {
    const { getUserSerializer } = hooks;
    return getUserSerializer ? getUserSerializer(context) : super.getUserSerializer(context);
  }

  protected override formatExpiry(expiry: Date | null): unknown {
    return hooks.formatExpiry ? hooks.formatExpiry(expiry) : super.formatExpiry(expiry);
  }

  protected override createToken(context: LoginContext) {
    return hooks.createToken ? hooks.createToken(context) : super.createToken(context);
  }

  protected override getLoginResponse(context: LoginResponseContext): unknown {
    const { getLoginResponse } = hooks;
    return getLoginResponse ? getLoginResponse(context) : super.getLoginResponse(context);
  }

  protected override getLogoutResponse(context: LogoutContext): unknown {
    const { getLogoutResponse } = hooks;
    return getLogoutResponse ? getLogoutResponse(context) : super.getLogoutResponse(context);
  }

  protected override getLogoutAllResponse(context: LogoutContext): unknown {
    const { getLogoutAllResponse } = hooks;
    return getLogoutAllResponse
      ? getLogoutAllResponse(context)
      : super.getLogoutAllResponse(context);
  }
}
