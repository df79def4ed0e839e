// Package tests tests the house as a whole, on real parts: an embedded Temporal server, a database, a mail server. What
// one room promises by itself is tested in that room; what no room can see alone is tested here.
//
// It is a module of its own, because the Temporal server is among its parts.
package tests
