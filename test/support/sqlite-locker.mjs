// A process that holds an exclusive lock on an SQLite file until it is disconnected.
import Database from 'better-sqlite3';

const database = new Database(process.argv[2]);
database.exec('BEGIN EXCLUSIVE');
process.on('disconnect', () => {
  database.exec('ROLLBACK');
  database.close();
  process.exit();
});
process.send('locked');
