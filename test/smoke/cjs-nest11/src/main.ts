import { start } from './app';

void start(process.argv[2]);
