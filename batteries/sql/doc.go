// Package sql is the battery that asks a database: the class "sql", for PostgreSQL and SQLite.
//
//	violations  a query for what violates the assertion; it holds when there are no rows
//	record      {type, id}: each row is a record of that type, whose id is in the column id, with an issue of its own
//	exists      a query that has a row where the record of the id $1 exists; where not, its issue closes as gone
//	holds       a query for one boolean that is true while the assertion holds
//
// As an event, it notices rows:
//
//	rows        a query whose rows are occurrences, at most 10,000 at a time
//	identify    the columns that say which occurrence a row is; all where none is named
//
// Queries only read: PostgreSQL's run in a read-only transaction with the check's time as statement_timeout, SQLite's
// on a file opened for reading, which must exist. Rows are streamed, and little is made of those that nobody keeps. One
// record is checked by the same query, within another that lets no other record through. Connections to a database are
// few, shared by the assertions that ask it, and closed when it is not asked.
//
// In details, whole numbers and floating point numbers are numbers; numeric and decimal ones are strings, which print
// as the database writes them. Times are RFC 3339 in UTC.
package sql
