import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** The metadata key of `@ClearCookie()`. */
export const CLEAR_COOKIE_METADATA = 'nestjs-knox:clear-cookie';

/** Marks a logout: if its token is refused with a 401, the browser is to forget the cookie too. */
export const ClearCookie = (): CustomDecorator => SetMetadata(CLEAR_COOKIE_METADATA, true);
