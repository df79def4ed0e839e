// Command bench measures what Narrative adds to plain Temporal. It prints one table, in which each figure stands beside
// the floor that it is compared to; both were measured in the same run, on the same server, in turns. A figure is the
// median of five samples, with the least and the greatest behind it. It runs on Linux.
//
//	go run ./tests/bench [-full] [-only NAME]
//
// It exits 1 when a figure is beyond its bound after a second try, and 2 when it could not measure. The Temporal server
// runs in a process of its own, so that the bench's own processor time is the worker's. Everything is bound to loopback,
// kept in a temporary folder, and gone at the end. docs/performance.md says what each row means.
package main
