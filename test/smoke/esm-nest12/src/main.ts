import { start } from './app.js';

await start(process.argv[2]);
