// Package devserver is a Temporal server with its web UI, embedded in the process and meant for one machine.
//
// Everything it keeps is in one SQLite file, DATADIR/temporal.db, and everything it listens on is bound to 127.0.0.1.
// It is what `narrative dev` runs on when no other Temporal is named, and what the tests of the whole house run on.
// It knows nothing of Narrative: it depends on no other package of this repository.
//
// # What is in the data directory
//
//	temporal.db, temporal.db-wal, temporal.db-shm   the server's state, in write-ahead-log mode
//	temporal.lock                                   held while a server runs there, so that a second one is refused
//	temporal.db.set-aside-VERSION                   a file that another version of the server had written
//
// The server does not check the schema of a SQLite file it is given. Therefore the file is stamped with the version of
// the server that made it, in the table devserver_stamp, and a file with another stamp, or none, is never opened by the
// server: it is set aside under another name, a warning says so, and a new file is begun.
//
// # Crashes
//
// A process that is killed loses nothing that the server had acknowledged: SQLite's write-ahead log survives the death
// of the process (only a power failure may cost the last moments, since synchronous is NORMAL). The next Start on the
// same directory goes on with every running workflow, timer and schedule.
package devserver
