// Another process that has a file of SQLite to itself until it is disconnected.
import Database from 'better-sqlite3';

const database = new Database(process.argv[2]);
database.exec('BEGIN EXCLUSIVE');
process.on('disconnect', () => {
  database.exec('ROLLBACK');
  database.close();
  process.exit();
});
process.send('locked');
