import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** Marks a handler or a class as open; a key of our own, so that no other library's decorator does. */
export const PUBLIC_METADATA = 'nestjs-knox:public';

/**
 * Opens a route, or all routes of a class, to a `KnoxAuthGuard` that stands further out: a global
 * one, or one on the class. A guard named on the same handler or class still asks.
 *
 * @publicApi
 */
export const Public = (): CustomDecorator => SetMetadata(PUBLIC_METADATA, true);
