import { Controller, Sse, UseGuards } from '@nestjs/common';
import { CurrentToken, KnoxAuthGuard, type AuthToken } from 'nestjs-knox';
import { LiveTokens } from 'nestjs-knox/live';
import { interval, map, type Observable } from 'rxjs';

@Controller('news')
@UseGuards(KnoxAuthGuard)
export class NewsController {
  constructor(private readonly live: LiveTokens) {}

  @Sse()
  news(@CurrentToken() authToken: AuthToken): Observable<{ data: string }> {
    return interval(1000).pipe(
      map((second) => ({ data: `Still nothing after ${String(second)} s.` })),
      this.live.until(authToken),
    );
  }
}
