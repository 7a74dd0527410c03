import { Module } from '@nestjs/common';
import { KnoxLiveModule } from 'nestjs-knox/live';

@Module({ imports: [KnoxLiveModule.forRoot()] })
export class LiveModule {}
