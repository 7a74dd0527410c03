import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** The metadata key of `@Public()`. Other libraries' decorators of that name must not open a route. */
export const PUBLIC_METADATA = 'nestjs-knox:public';

/**
 * Opens a route, or all routes of a class, to a `KnoxAuthGuard` that is declared further out: globally, or on the
 * class. A guard on the same handler or class is still asked.
 *
 * @publicApi
 */
export const Public = (): CustomDecorator => SetMetadata(PUBLIC_METADATA, true);
